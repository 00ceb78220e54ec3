//! The reload engine: it keeps the managed modules of a child as new as their files.
//!
//! A request asks for the generation of its application and keeps it to its end. The names below are all that the rest of the
//! crate uses; nothing outside names a file in here.
//!
//! ```text
//! start_workers(..), remember_base_path(py), install(py, ..), add_functions(..)    once in a child
//! application(py, &ApplicationKey), Application::refresh(..)                       per request
//! PinnedGeneration::context(), Context::find(py, name), EnteredContext             around Python code
//! end_of_child(py)                                                                 before Python is left for good
//! ```
//!
//! Does not know requests, handlers or `_apache`: what the functions for Python ask about the running request they ask a
//! [`Host`].

mod application;
mod build;
mod child;
mod code;
mod import;
mod interrupt;
mod lifecycle;
mod module;
mod pinning;
mod python_api;
mod status;

pub use crate::reload::application::parts::path_imports::Site;
pub use crate::reload::application::pinned_generation::PinnedGeneration;
pub use crate::reload::application::registry::{
    existing as existing_application, get as application, remember_base_path,
};
pub use crate::reload::application::view::{Context, EnteredContext};
pub use crate::reload::application::{Application, ApplicationKey};
pub use crate::reload::build::workers::start as start_workers;
pub use crate::reload::child::install;
pub use crate::reload::import::sys_modules::{has_rivals, prefer};
pub use crate::reload::lifecycle::hooks::end_of_child;
pub use crate::reload::python_api::{Host, RequestModules, add as add_functions};
