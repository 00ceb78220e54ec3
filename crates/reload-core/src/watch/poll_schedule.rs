//! When files are looked at for changes that nothing announces.

use std::time::{Duration, Instant};

/// Polling costs at most this part of the time: one over it.
const POLLING_SHARE: u32 = 10;
/// The sweep in the background costs at most this part of the time.
const SWEEP_SHARE: u32 = 1000;
/// The time between two sweeps in the background, unless `PythonReloadInterval` tells another.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// The background is not as busy as `PythonReloadInterval 0` makes requests.
const SHORTEST_SWEEP: Duration = Duration::from_millis(100);

/// When an application's files are to be looked at next.
pub struct PollSchedule {
    interval: Option<Duration>,
    next_polling: Option<Instant>,
    next_background: Instant,
}

impl PollSchedule {
    /// `interval` is that of `PythonReloadInterval`, if it is set.
    pub fn new(interval: Option<Duration>) -> Self {
        let first = interval.unwrap_or(SWEEP_INTERVAL).max(SHORTEST_SWEEP);
        Self { interval, next_polling: Some(Instant::now()), next_background: Instant::now() + first }
    }

    /// Whether the request that asks is to look. It must call [`Self::end_polling`]; until then nobody else is asked to.
    pub fn begin_polling(&mut self) -> bool {
        let is_due = self.next_polling.is_some_and(|next| Instant::now() >= next);
        if is_due {
            self.next_polling = None;
        }
        is_due
    }

    /// A request has looked. Without an interval the next one comes as soon as that costs a tenth of the time.
    pub fn end_polling(&mut self, cost: Duration) {
        self.next_polling = Some(Instant::now() + self.interval.unwrap_or(cost * POLLING_SHARE));
    }

    /// When the background is to look next.
    pub fn next_background(&self) -> Instant {
        self.next_background
    }

    /// The background has looked; answers when it is to look next.
    pub fn end_background(&mut self, cost: Duration) -> Instant {
        let pause = match self.interval {
            Some(interval) => interval.max(SHORTEST_SWEEP).max(cost * POLLING_SHARE),
            None => SWEEP_INTERVAL.max(cost * SWEEP_SHARE),
        };
        self.next_background = Instant::now() + pause;
        self.next_background
    }
}
