//! Runs of the oracle.

use std::{
    env,
    io::{Write, stderr},
    process, thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::{
    edits,
    random::Random,
    served::{Outcome, Served},
    shrink::Shrinker,
    support::Mpm,
    world::World,
};

/// How many batches the short run has.
const SHORT: usize = 150;
/// How many batches the long run has for each MPM.
const LONG: usize = 5000;
/// How many batches one application gets.
const LIFE: usize = 60;
/// For how many seconds a difference may be shrunk.
const PATIENCE: u64 = 60;
/// How many applications one httpd serves, one after the other.
const APPLICATIONS: usize = 5;

fn parameter(name: &str) -> Option<u64> {
    let text = env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")))
}

/// Prints a line that shows also where the test passes.
fn say(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

/// Runs this number of batches, and panics at the first answer that differs from a fresh interpreter's.
fn batches(mpm: Mpm, count: usize, largest: usize) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    let seed = parameter("ORACLE_SEED").unwrap_or(now % 1_000_000_000 + u64::from(process::id()));
    let count = parameter("ORACLE_BATCHES").map_or(count, |n| n as usize);
    let largest = parameter("ORACLE_MODULES").map_or(largest, |n| n as usize).max(2);
    let patience = Duration::from_secs(parameter("ORACLE_PATIENCE").unwrap_or(PATIENCE));
    say(&format!("oracle: {}, {count} batches, ORACLE_SEED={seed}", mpm.name()));
    let begun = Instant::now();
    let mut done = 0;
    let mut good = 0;
    let mut reached = 0;
    let mut circular = 0;
    let mut application = 0;
    let mut served = Served::start(mpm);
    let mut history = Vec::new();
    while done < count {
        let mut random = Random::new(seed.wrapping_mul(1_000_003).wrapping_add(application));
        application += 1;
        if application.is_multiple_of(APPLICATIONS as u64) {
            served = Served::start(mpm);
            history.clear();
        }
        // Small applications are as likely as large ones.
        let mut size = largest;
        while size > 5 && random.chance(55) {
            size = size * 2 / 3;
        }
        let mut world = World::new(&mut random, size);
        let mut what = Vec::new();
        for batch in 0..LIFE.min(count - done) {
            let tree = world.tree();
            history.push(tree.clone());
            match served.turn_into(&tree, &mut random) {
                Ok(Outcome::New) => good += 1,
                Ok(Outcome::LastGood) => {}
                Ok(Outcome::Circular) => {
                    circular += 1;
                    served = Served::start(mpm);
                    history.clear();
                    break;
                }
                Err(report) => {
                    let place = format!(
                        "application {application} of {size} modules, batch {batch}; to repeat it:\n\
                         ORACLE_SEED={seed} ORACLE_BATCHES={count} ORACLE_MODULES={largest} \
                         cargo test --locked --test oracle -- --ignored --nocapture {}",
                        thread::current().name().unwrap_or_default()
                    );
                    say(&format!("oracle: a difference, {place}, by {what:?}\n{report}\nlooking for a smaller one"));
                    let small = Shrinker::new(mpm, history, &report, patience).map(Shrinker::shrink);
                    panic!("{place}\n{report}\n{}", small.as_deref().unwrap_or("it does not come back"));
                }
            }
            reached += served.reached;
            done += 1;
            what = edits::batch(&mut random, &mut world);
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    say(&format!(
        "oracle: {}: {done} batches in {seconds:.1} s, {good} of them loaded; {} modules on average; {circular} applications ended in a circle; no \
         difference",
        mpm.name(),
        reached / done.max(1)
    ));
}

mod short {
    use super::*;

    /// A short run with a new seed, which it prints.
    #[test]
    fn prefork() {
        batches(Mpm::Prefork, SHORT, 60);
    }

    /// The same with threads in each child.
    #[test]
    fn event() {
        batches(Mpm::Event, SHORT, 60);
    }
}

mod long {
    use super::*;

    /// The long run.
    #[test]
    #[ignore = "takes minutes; `make oracle` runs it"]
    fn prefork() {
        batches(Mpm::Prefork, LONG, 200);
    }

    /// The same with threads in each child.
    #[test]
    #[ignore = "takes minutes; `make oracle` runs it"]
    fn event() {
        batches(Mpm::Event, LONG, 200);
    }
}
