//! The raw bindings, made by bindgen from the installed headers.
#![allow(non_upper_case_globals, non_camel_case_types, non_snake_case, missing_docs, dead_code, unused)]
#![allow(clippy::all, clippy::undocumented_unsafe_blocks, unsafe_op_in_unsafe_fn)]
include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
