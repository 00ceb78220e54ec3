//! When files are compared for changes that the kernel does not announce. Both kinds of comparison are limited to a share of the
//! time, so that they cost the same however many files there are.

use std::time::{Duration, Instant};

/// Polling costs at most this part of the time: one over it.
const POLLING_SHARE: u32 = 10;
/// A comparison in the background costs at most this part of the time.
const SWEEP_SHARE: u32 = 1000;
/// The time between two comparisons in the background, unless `PythonReloadInterval` is set.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// The shortest time between two, as with `PythonReloadInterval 0` only requests are to compare all the time.
const SHORTEST_SWEEP: Duration = Duration::from_millis(100);

/// When an application's files are compared next: by a request, and in the background.
///
/// ```
/// use std::time::Duration;
/// use reload_core::watch::poll_schedule::PollSchedule;
///
/// let mut schedule = PollSchedule::new(Some(Duration::from_secs(60)));
/// assert!(schedule.begin_polling());       // the first request compares
/// assert!(!schedule.begin_polling());      // others do not, meanwhile
/// schedule.end_polling(Duration::from_millis(2));
/// assert!(!schedule.begin_polling());      // nor for a minute from then
/// ```
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

    /// Whether the calling request is to compare the files. It must call [`Self::end_polling`]; until then no other one is.
    pub fn begin_polling(&mut self) -> bool {
        let is_due = self.next_polling.is_some_and(|next| Instant::now() >= next);
        if is_due {
            self.next_polling = None;
        }
        is_due
    }

    /// A request has compared the files at this cost. Without an interval the next one does so when the cost is a tenth of the time.
    pub fn end_polling(&mut self, cost: Duration) {
        self.next_polling = Some(Instant::now() + self.interval.unwrap_or(cost * POLLING_SHARE));
    }

    /// When the background is to compare next.
    pub fn next_background(&self) -> Instant {
        self.next_background
    }

    /// The background has compared the files at this cost. Returns when it is to do so next.
    pub fn end_background(&mut self, cost: Duration) -> Instant {
        let pause = match self.interval {
            Some(interval) => interval.max(SHORTEST_SWEEP).max(cost * POLLING_SHARE),
            None => SWEEP_INTERVAL.max(cost * SWEEP_SHARE),
        };
        self.next_background = Instant::now() + pause;
        self.next_background
    }
}
