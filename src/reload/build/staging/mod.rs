//! A generation under construction.
//!
//! Promises: the bodies of a build run in a stage, which no other thread sees. The stage is published in one step, or everything
//! that its bodies did to `sys.modules`, to packages of the base and to the process is taken back. It is published only if code
//! that is reached from what directives name has everything that it needs.
//!
//! Does not know who asks for a build, nor what becomes of a failure.
//!
//! `run` goes through a build from plan to end: `stage` plans, `make` makes one module, `verify` decides, `publish` publishes or takes
//! back. `view` is what the bodies see meanwhile.

mod base_modules;
mod entry_points;
mod make;
mod publish;
mod run;
mod stage;
mod staged_modules;
mod verify;
mod view;

pub use crate::reload::build::staging::base_modules::LoadHorizon;
pub use crate::reload::build::staging::run::{BuildInputs, Unpublished, build};
pub use crate::reload::build::staging::stage::Stage;
