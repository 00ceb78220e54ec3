//! One thread at a time, whatever happens to the one that holds the lock.

use std::{sync::Arc, thread};

use os::Mutex;

#[test]
fn one_thread_at_a_time_holds_the_lock() {
    let count = Arc::new(Mutex::new(0_u32));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let count = count.clone();
            thread::spawn(move || {
                for _ in 0..1000 {
                    let mut held = count.lock();
                    let before = *held;
                    thread::yield_now();
                    *held = before + 1;
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(*count.lock(), 8000);
}

#[test]
fn a_panic_of_the_holder_leaves_the_lock_usable() {
    let text = Arc::new(Mutex::new("before"));
    let holder = text.clone();
    let ended = thread::spawn(move || {
        let mut held = holder.lock();
        *held = "half";
        panic!("the holder ends here");
    })
    .join();
    assert!(ended.is_err());
    assert_eq!(*text.lock(), "half");
}

#[test]
fn a_thread_may_hold_several_locks() {
    let (outer, inner) = (Mutex::new(1), Mutex::new(2));
    let first = outer.lock();
    let second = inner.lock();
    drop(first);
    assert_eq!(*outer.lock() + *second, 3);
}

#[test]
fn the_only_owner_needs_no_lock() {
    let mut list = Mutex::new(vec![1]);
    list.get_mut().push(2);
    assert_eq!(*list.lock(), [1, 2]);
    assert_eq!(format!("{list:?}"), "Mutex(..)", "debugging takes no lock");
}
