//! Which generation a request sees: pinned at its first Python, and the same for its subrequests and internal redirects.

use crate::api::state::RequestState;
use crate::httpd::RequestRec;
use crate::reload::{Application, PinnedGeneration};

/// The pin of this application, of the request or of one that it comes from.
pub fn find(request: RequestRec, application: &Application) -> Option<PinnedGeneration> {
    let mut at = Some(request);
    while let Some(record) = at {
        if let Some(state) = RequestState::existing(&record)
            && let Some(pin) = state.subject.pin(application)
        {
            return Some(pin);
        }
        at = record.main().or_else(|| record.prev());
    }
    None
}
