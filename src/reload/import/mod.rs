//! The bridge into Python's import: what an import statement in managed code gets, and which edge it leaves.

pub mod absolute_name;
pub mod bodies;
pub mod by_path;
pub mod caller;
pub mod execute;
pub mod file_reads;
pub mod find;
pub mod foreign;
pub mod from_list;
pub mod generation_view;
pub mod importer;
pub mod load;
pub mod look_ahead;
pub mod lookup;
pub mod originals;
pub mod process_state;
pub mod spec_api;
pub mod statement;
pub mod sys_modules;
pub mod thread_owner;
pub mod unmanaged;

pub use crate::reload::import::caller::calling_context;
pub use crate::reload::import::spec_api::{SpecOrigin, is_of_another, load_for_spec, note_find, origin_of};
pub use crate::reload::import::statement::install;
pub use crate::reload::import::thread_owner::application_of_thread;
