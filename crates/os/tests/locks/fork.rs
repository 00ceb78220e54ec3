//! A copy of the process inherits no lock whose holder does not exist there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use os::{Condvar, Mutex, fork, single_flight::Maker};

/// Forks, and runs `body` in the copy, which has ten seconds for it. Returns whether the copy came to the end and said yes.
fn in_copy(body: impl FnOnce() -> bool) -> bool {
    static WATCH: std::sync::Once = std::sync::Once::new();
    WATCH.call_once(fork::watch);
    // SAFETY: the copy only takes locks of this crate, and leaves at once; the C library's own locks survive a fork.
    match unsafe { libc::fork() } {
        -1 => panic!("no process"),
        0 => {
            // SAFETY: a plain call. A copy that hangs is ended by the signal, which is no success.
            unsafe { libc::alarm(10) };
            let status = i32::from(!body());
            // SAFETY: ends the copy without running what belongs to the test.
            unsafe { libc::_exit(status) }
        }
        copy => {
            let mut status = 0;
            // SAFETY: waits for the process that was made above; the status is a place on the stack.
            unsafe { libc::waitpid(copy, &raw mut status, 0) };
            libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
        }
    }
}

/// A thread that does something again and again until it is dropped.
struct Busy {
    end: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Busy {
    fn with(work: impl Fn() + Send + 'static) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let is_over = end.clone();
        let thread = thread::spawn(move || {
            while !is_over.load(Ordering::SeqCst) {
                work();
            }
        });
        Self { end, thread: Some(thread) }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.end.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[test]
fn a_lock_that_another_thread_uses_all_the_time_is_free_in_the_copy() {
    let lock = Arc::new(Mutex::new(0_u64));
    let used = lock.clone();
    let _busy = Busy::with(move || *used.lock() += 1);
    for _ in 0..50 {
        assert!(in_copy(|| {
            *lock.lock() += 1;
            true
        }));
    }
}

#[test]
fn a_condition_that_other_threads_wait_for_works_in_the_copy() {
    let shared = Arc::new((Mutex::new(false), Condvar::new()));
    let waited = shared.clone();
    let _busy = Busy::with(move || {
        let held = waited.0.lock();
        drop(waited.1.wait_timeout(held, Duration::from_micros(100)));
    });
    for _ in 0..50 {
        assert!(in_copy(|| {
            *shared.0.lock() = true;
            shared.1.notify_all();
            let held = shared.0.lock();
            *shared.1.wait_timeout(held, Duration::from_millis(1))
        }));
    }
}

#[test]
fn a_thread_may_fork_while_it_holds_a_lock() {
    let (held, other) = (Mutex::new(1), Mutex::new(2));
    let guard = held.lock();
    assert!(in_copy(|| *guard + *other.lock() == 3));
    drop(guard);
    assert_eq!(*held.lock(), 1);
}

#[test]
fn the_copy_knows_which_makers_it_has_not_got() {
    let (sender, receiver) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    let maker = thread::spawn(move || {
        sender.send(Maker::me()).unwrap();
        let _ = ended.recv();
    });
    let (mine, other) = (Maker::me(), receiver.recv().unwrap());
    assert!(!mine.is_gone() && !other.is_gone());
    assert!(in_copy(|| mine.is_me() && !mine.is_gone() && other.is_gone() && !other.is_me() && fork::is_copy()));
    assert!(!other.is_gone() && !fork::is_copy(), "nothing has changed for the process itself");
    drop(end);
    maker.join().unwrap();
}
