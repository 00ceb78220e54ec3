//! Waiting for a condition: no notification is missed, and a wait with a limit ends.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use os::{Condvar, Mutex};

type Shared = Arc<(Mutex<u32>, Condvar)>;

fn wait_for(shared: &Shared, value: u32) {
    let mut held = shared.0.lock();
    while *held < value {
        held = shared.1.wait(held);
    }
}

#[test]
fn all_threads_that_wait_are_woken() {
    let shared = Shared::default();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let shared = shared.clone();
            thread::spawn(move || wait_for(&shared, 1))
        })
        .collect();
    thread::sleep(Duration::from_millis(20));
    *shared.0.lock() = 1;
    shared.1.notify_all();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Two threads take turns a thousand times: one missed notification would stop both.
#[test]
fn no_notification_is_missed() {
    let shared = Shared::default();
    let other = shared.clone();
    let odd = thread::spawn(move || {
        for turn in 0..1000 {
            wait_for(&other, 2 * turn + 1);
            *other.0.lock() += 1;
            other.1.notify_all();
        }
    });
    for turn in 0..1000 {
        wait_for(&shared, 2 * turn);
        *shared.0.lock() += 1;
        shared.1.notify_all();
    }
    odd.join().unwrap();
    assert_eq!(*shared.0.lock(), 2000);
}

#[test]
fn a_wait_with_a_limit_ends_and_holds_the_lock_again() {
    let shared = Shared::default();
    let begun = Instant::now();
    let mut held = shared.0.lock();
    while begun.elapsed() < Duration::from_millis(50) {
        held = shared.1.wait_timeout(held, Duration::from_millis(50));
    }
    *held = 7;
    drop(held);
    assert_eq!(*shared.0.lock(), 7);
}

#[test]
fn the_lock_is_free_while_a_thread_waits() {
    let shared = Shared::default();
    let other = shared.clone();
    let waiter = thread::spawn(move || wait_for(&other, 1));
    thread::sleep(Duration::from_millis(20));
    assert_eq!(*shared.0.lock(), 0);
    *shared.0.lock() = 1;
    shared.1.notify_all();
    waiter.join().unwrap();
}
