//! What a request has settled on.

use std::sync::Arc;

use crate::reload::application::state::Application;
use crate::reload::module::snapshot::Snapshot;

/// The generation that a request has settled on, for all its phases.
#[derive(Clone)]
pub struct PinnedGeneration {
    /// The application.
    pub application: Arc<Application>,
    /// Its generation.
    pub generation: Arc<Snapshot>,
}
