//! What an import gets, and which edges it leaves.
//!
//! Promises: a managed module is run once for each generation that needs another execution of it, and every import of that generation
//! gets that execution; an import in a cycle gets the module as far as it is. What is not managed is left to Python.
//!
//! Does not know builds: an import asks a [`View`](crate::reload::application::view::View), which is a published generation or the
//! one under construction.
//!
//! The words of this room:
//! - *find* a module: the one of the view, which is loaded if it is not there (`find`);
//! - *resolve* a name: what it stands for in a view, a managed origin or nothing managed (`resolve`); the application remembers it;
//! - *look up* a name in directories: what is on disk there, and which paths that rests on (`application::manifest`); nothing is
//!   remembered;
//! - *load* a module: make it for a published generation (`load`); *execute* it: make the module object and run the body (`execute`);
//! - *note* an edge: remember on the importer's record that it uses a name.
//!
//! ```text
//! python_api::statement -> Importer -> Context::find -> Context::resolve
//!                                          `-> View::obtain -> generation_view -> load -> execute
//!                                                          `-> build::staging  -> make -> execute
//! ```

pub mod bodies;
pub(in crate::reload) mod caller;
pub(in crate::reload) mod execute;
pub(in crate::reload) mod find;
mod generation_view;
pub(in crate::reload) mod importer;
pub(in crate::reload) mod importing_code;
mod load;
pub(in crate::reload) mod look_ahead;
pub(in crate::reload) mod process;
pub(in crate::reload) mod python_api;
pub(in crate::reload) mod resolve;
pub(in crate::reload) mod sources;
pub(in crate::reload) mod thread_owner;

pub(in crate::reload) use crate::reload::import::caller::calling_context;
pub(in crate::reload) use crate::reload::import::process::unmanaged;
pub use crate::reload::import::process::{file_reads, sys_modules};
pub use crate::reload::import::python_api::by_path;
pub use crate::reload::import::python_api::spec_api::{SpecOrigin, is_of_another, load_for_spec, note_find, origin_of};
pub use crate::reload::import::python_api::statement::install;
pub use crate::reload::import::thread_owner::application_of_thread;
