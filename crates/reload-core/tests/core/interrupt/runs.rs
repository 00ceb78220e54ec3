//! What the watchdog is to do about a run, and when.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reload_core::interrupt::run::{GRACE, LastResort, Reason, Run, RunOwner, UNDISTURBED, may_hang};

const LIMIT: Duration = Duration::from_secs(10);
const MOMENT: Duration = Duration::from_millis(1);

/// An owner that says what it was told to say.
#[derive(Default)]
struct Owner {
    is_superseded: AtomicBool,
}

impl RunOwner for Owner {
    fn is_superseded(&self) -> bool {
        self.is_superseded.load(Ordering::SeqCst)
    }

    fn give_up(self: Arc<Self>) {}
}

/// A run that has begun, and when.
fn begun(last_resort: LastResort) -> (Arc<Run>, Instant) {
    let run = Run::new(LIMIT, last_resort);
    run.begin(1, false);
    let begun = run.deadline() - LIMIT;
    (run, begun)
}

#[test]
fn nothing_is_done_before_the_time_is_over() {
    let (run, begun) = begun(LastResort::LeaveBehind);
    let attention = run.attend(begun + LIMIT - MOMENT);
    assert!(!attention.raise && !attention.compare && !attention.leave_behind && attention.end_child.is_none());
    assert_eq!(attention.next, begun + LIMIT, "the watchdog comes back at the deadline");
    assert_eq!(run.reason(), None);
}

#[test]
fn a_late_run_gets_the_exception_again_and_again() {
    let (run, begun) = begun(LastResort::None);
    let mut now = begun + LIMIT;
    for _ in 0..5 {
        let attention = run.attend(now);
        assert!(attention.raise);
        assert!(!run.attend(now + MOMENT).raise, "not at once");
        now = attention.next;
    }
    assert_eq!(run.reason(), Some(Reason::Late));
    assert!(now < begun + LIMIT + Duration::from_secs(2), "five times within two seconds");
}

#[test]
fn progress_gives_the_whole_time_again() {
    let (run, begun) = begun(LastResort::None);
    std::thread::sleep(MOMENT);
    run.begin_again();
    assert!(!run.attend(begun + LIMIT).raise);
    assert!(run.attend(run.deadline()).raise);
}

#[test]
fn the_first_reason_stays() {
    let (run, begun) = begun(LastResort::None);
    run.call_off(Reason::Superseded);
    run.attend(begun + LIMIT);
    run.call_off(Reason::Late);
    assert_eq!(run.reason(), Some(Reason::Superseded));
}

#[test]
fn only_an_owner_is_asked_and_only_after_the_undisturbed_time() {
    let (alone, begun_alone) = begun(LastResort::None);
    assert!(!alone.attend(begun_alone + LIMIT / 2).compare);

    let owner = Arc::new(Owner::default());
    let weak: Weak<Owner> = Arc::downgrade(&owner);
    let run = Run::of(weak, LIMIT, LastResort::LeaveBehind, UNDISTURBED * 4);
    run.begin(1, false);
    let begun = run.deadline() - LIMIT;
    assert!(!run.attend(begun + UNDISTURBED * 3).compare);
    assert!(run.attend(begun + UNDISTURBED * 4).compare);
    run.compare_again_at(begun + UNDISTURBED * 6);
    assert!(!run.attend(begun + UNDISTURBED * 5).compare);
    assert!(run.owner().is_some_and(|owner| !owner.is_superseded()));
    owner.is_superseded.store(true, Ordering::SeqCst);
    assert!(run.owner().is_some_and(|owner| owner.is_superseded()));
    drop(owner);
    assert!(run.owner().is_none(), "a run does not keep its owner");
}

#[test]
fn a_run_that_closes_in_time_is_not_disturbed_any_more() {
    let (run, begun) = begun(LastResort::EndChild);
    assert_eq!(run.close().unwrap(), None);
    run.call_off(Reason::Superseded);
    let attention = run.attend(begun + LIMIT * 2);
    assert!(!attention.raise && attention.end_child.is_none());
    assert_eq!(run.reason(), None);
    assert!(!run.abandon(), "nor left behind");
}

#[test]
fn a_run_that_hangs_is_left_behind_and_must_not_publish() {
    let (run, begun) = begun(LastResort::LeaveBehind);
    assert!(run.is_abandonable());
    assert!(!run.attend(begun + LIMIT).leave_behind, "it may still come back");
    assert!(run.attend(begun + LIMIT + GRACE).leave_behind);
    assert!(run.abandon());
    assert!(!run.abandon(), "once");
    assert!(run.is_abandoned() && run.close().is_err());
    let attention = run.attend(begun + LIMIT + GRACE * 4);
    assert!(attention.raise && !attention.leave_behind, "when it wakes up, it still has to end");
    assert!(run.leave(), "its thread has come back at last");
    assert!(may_hang());
}

#[test]
fn a_run_that_holds_its_child_ends_it_at_last() {
    let (run, begun) = begun(LastResort::EndChild);
    assert!(run.attend(begun + LIMIT).end_child.is_some());
    assert!(run.attend(begun + LIMIT + GRACE).end_child.is_none(), "that is seen to once");
    assert!(run.is_stuck());
    run.pause();
    assert!(!run.is_stuck());
}

#[test]
fn a_signal_that_does_not_come_through_is_noticed() {
    let (run, _) = begun(LastResort::None);
    assert!(run.expects_to_be_heard(), "the first one");
    assert!(!run.expects_to_be_heard(), "the one before was not heard");
    run.hear();
    assert!(run.expects_to_be_heard());
}

#[test]
fn an_exception_that_was_sent_is_taken_back_once() {
    let (run, _) = begun(LastResort::None);
    assert!(!run.take_sent());
    run.note_sent();
    assert!(run.take_sent());
    assert!(!run.take_sent());
}
