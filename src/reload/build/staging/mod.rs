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
mod inputs;
mod make;
mod publish;
mod run;
pub(in crate::reload::build) mod stage;
mod staged_modules;
mod verify;
mod view;

pub(in crate::reload) use crate::reload::build::staging::inputs::{BuildInputs, LoadHorizon};
pub(in crate::reload) use crate::reload::build::staging::run::{Unpublished, build};
