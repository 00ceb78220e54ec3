//! What Python code calls to import: the `import` statement, `importlib.import_module`, `apache.import_module`, and the import
//! system's finder and loader.
//!
//! Promises: code that is not managed, and names that are not managed, get exactly what Python's own functions return. A managed
//! importer leaves an edge to every name that its import depends on, also where the import fails.
//!
//! Does not know how a module is found or loaded: it asks a [`Context`](crate::reload::application::view::Context).

pub(in crate::reload) mod absolute_name;
pub mod by_path;
pub(in crate::reload) mod foreign;
pub(in crate::reload) mod from_list;
pub(in crate::reload) mod originals;
pub(in crate::reload) mod spec_api;
pub(in crate::reload) mod statement;
