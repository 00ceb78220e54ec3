//! A soak: parallel load while a module is edited without a pause, good and broken versions in turn. No response is wrong or mixed,
//! none is older than what was served before, and the child does not grow.
#![allow(clippy::disallowed_types, reason = "the locks of a test never meet a fork of the process that it tests")]

use std::{
    env, fs,
    io::{Write, stderr},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::support::{Connection, Httpd, Mpm, Save, Site, resident_kib};

/// How long the run takes that comes with all other tests, in seconds.
const SHORT: u64 = 10;
/// How long `make soak` takes unless `SOAK_SECONDS` is set.
const LONG: u64 = 600;
/// The time from one edit to the next.
const PACE: Duration = Duration::from_millis(50);
/// How many clients ask at the same time.
const CLIENTS: usize = 4;
/// The child's permitted growth from the first part of the run to its end, in KiB. What the allocator keeps varies.
const GROWTH: u64 = 16 * 1024;

/// All three values come from `base`, so they must agree.
const HANDLER: &str = "
import left, right, base
def handler(req):
    from late import V
    req.write('%d %d %d %d' % (base.V, left.V, right.V, V), 0)
    return 0
";

/// What is on disk: the number of saves, the number of broken ones, and the newest good version.
#[derive(Clone, Copy, Default)]
struct Saved {
    broken: u64,
    good: u64,
}

/// What a process uses.
#[derive(Clone, Copy, Debug)]
struct Size {
    resident: u64,
    threads: usize,
    descriptors: usize,
}

impl Size {
    fn of(pid: i32) -> Self {
        let count = |what: &str| fs::read_dir(format!("/proc/{pid}/{what}")).expect("the child is alive").count();
        Self { resident: resident_kib(pid), threads: count("task"), descriptors: count("fd") }
    }
}

/// Stops the clients, also where the test fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Sends requests until the end, and returns their number.
fn client(port: u16, end: &AtomicBool, saved: &Mutex<Saved>, newest: &AtomicU64) -> u64 {
    let mut connection = Connection::open(port).expect("httpd takes a connection");
    let mut asked = 0;
    let look = || *saved.lock().expect("nobody panics with it");
    while !end.load(Ordering::SeqCst) {
        let (before, served) = (look(), newest.load(Ordering::SeqCst));
        // The client's deadline fails a request that hangs.
        let response = connection.get("/").expect("a request is answered in time");
        let after = look();
        let values: Vec<u64> = response.ok().split(' ').map(|v| v.parse().expect("a whole value")).collect();
        let value = values[0];
        assert!(values.iter().all(|v| *v == value), "a mixed response: {values:?}");
        assert!(value >= served, "{value} after {served} was served");
        assert!(value <= after.good, "{value} was never saved");
        // After a broken save the build may have used that one instead.
        assert!(
            value >= before.good || before.broken < after.broken || is_broken(before),
            "{value} is old: {}",
            before.good
        );
        newest.fetch_max(value, Ordering::SeqCst);
        asked += 1;
    }
    asked
}

/// Good and broken versions take turns, a good one first.
fn is_broken(saved: Saved) -> bool {
    saved.broken == saved.good
}

fn soak(seconds: u64) {
    let site = Site::with(&[
        ("h.py", HANDLER),
        ("base.py", "V = 1"),
        ("left.py", "from base import V"),
        ("right.py", "import left\nimport base\nV = base.V"),
        ("late.py", "import base\nV = base.V"),
    ]);
    let httpd = Httpd::builder(Mpm::Event).threads(8).site(&site, "SetHandler mod_python\nPythonHandler h").start();
    assert_eq!(httpd.get("/").ok(), "1 1 1 1");
    let child = httpd.child_pids()[0];
    let end = AtomicBool::new(false);
    let saved = Mutex::new(Saved { good: 1, broken: 0 });
    let newest = AtomicU64::new(1);
    let begun = Instant::now();
    let whole = Duration::from_secs(seconds);
    let mut early = None;
    let asked = thread::scope(|scope| {
        let clients: Vec<_> =
            (0..CLIENTS).map(|_| scope.spawn(|| client(httpd.port(), &end, &saved, &newest))).collect();
        let ending = End(&end);
        while begun.elapsed() < whole {
            let mut now = saved.lock().expect("no client panics with it");
            // The lock is held while the file is renamed, so that a client knows what was on disk.
            if is_broken(*now) {
                now.good += 1;
                site.save(Save::Rename, "base.py", format!("V = {}", now.good));
            } else {
                now.broken += 1;
                let text = if now.broken.is_multiple_of(2) { "V = 0\nraise ValueError(V)" } else { "V = (" };
                site.save(Save::Rename, "base.py", text);
            }
            drop(now);
            if early.is_none() && begun.elapsed() > whole / 5 {
                early = Some(Size::of(child));
            }
            thread::sleep(PACE);
        }
        drop(ending);
        clients.into_iter().map(|client| client.join().expect("no client fails")).sum::<u64>()
    });
    let (early, late) = (early.expect("the run is longer than a fifth of it"), Size::of(child));
    let edits = saved.into_inner().expect("no client panics with it");
    let _ = writeln!(
        stderr(),
        "soak: {seconds} s, {asked} requests, {} good and {} broken versions, {} served last\nsoak: after a fifth {early:?}\nsoak: at \
         the end   {late:?}",
        edits.good,
        edits.broken,
        newest.into_inner()
    );
    assert_eq!(httpd.child_pids(), [child], "the child was replaced");
    assert!(late.resident < early.resident + GROWTH, "memory grew from {} to {} KiB", early.resident, late.resident);
    assert!(late.threads <= early.threads + 1, "threads: {} and then {}", early.threads, late.threads);
    assert!(
        late.descriptors <= early.descriptors + 2,
        "descriptors: {} and then {}",
        early.descriptors,
        late.descriptors
    );
}

/// P1 to P4 and P10 for a while.
#[test]
fn edits_under_load() {
    soak(SHORT);
}

/// The same for `SOAK_SECONDS`.
#[test]
#[ignore = "takes ten minutes; `make soak` runs it"]
fn long() {
    let seconds = env::var("SOAK_SECONDS").ok().filter(|text| !text.is_empty());
    soak(seconds.map_or(LONG, |text| text.parse().expect("SOAK_SECONDS is a number")));
}
