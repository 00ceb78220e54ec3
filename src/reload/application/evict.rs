//! Evicting names that nothing needs, and the paths that are watched for them: the memory of a child must not grow with every name
//! that was ever imported.

use crate::reload::application::parts::evictor::Evictor;
use crate::reload::application::state::Application;
use crate::reload::module::managed::Managed;
use crate::reload::module::origin::Resolution;
use reload_core::graph::Name;
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// How many paths may be watched in addition to twice the number that is needed, before names are evicted.
const SLACK: usize = 1024;
/// How many unmanaged names the functions of one module may have imported before those are evicted.
const MOST_ABSENT: usize = 256;

/// The shortest time between two evictions.
const PAUSE: Duration = Duration::from_secs(1);

impl Application {
    /// How many paths are watched.
    pub(in crate::reload) fn followed(&self) -> usize {
        self.names.lock().by_path.len()
    }

    /// Evicts names that nothing needs, if there are many. An evicted name is looked up again when it is imported. A name must be
    /// idle twice in a row: the first time, a thread may have just begun to look it up.
    pub(in crate::reload) fn forget_idle(&self) {
        {
            let names = self.names.lock();
            let is_recent = names.idle.looked.is_some_and(|looked| looked.elapsed() < PAUSE);
            if is_recent || names.by_path.len() < names.idle.needed * 2 + SLACK {
                return;
            }
        }
        let current = self.current();
        let modules = current.modules();
        for module in modules.values() {
            self.forget_absent(module);
        }
        let entries: HashSet<Name> = self.entries().into_iter().map(|(module, _)| module).collect();
        let is_there = |name: &Name| current.has(name) || current.sources.has(name) || entries.contains(name);
        let mut names = self.names.lock();
        let all: HashSet<&Name> = names.known.keys().chain(names.by_path.values().flatten()).collect();
        let is_idle = |name: &Name| {
            names.graph.users_of(name).next().is_none()
                && !names.suspects.contains_key(name)
                && !names.asked.contains(name)
                && !is_there(name)
        };
        let idle: HashSet<Name> = all.into_iter().filter(|name| is_idle(name)).cloned().collect();
        let before = std::mem::take(&mut names.idle.names);
        let (dead, idle): (HashSet<Name>, HashSet<Name>) = idle.into_iter().partition(|name| before.contains(name));
        let paths = names.forget(&dead);
        let is_needed = |at: &HashSet<Name>| at.iter().any(|name| !idle.contains(name));
        let needed = names.by_path.values().filter(|at| is_needed(at)).count();
        names.idle = Evictor { names: idle, looked: Some(Instant::now()), needed };
        drop(names);
        dead.iter().for_each(|name| current.sources.forget(name));
        self.watch.unfollow(&paths, &self.listener());
        self.hashes.forget(&paths);
        self.calls.forget(&dead);
        self.pages.lock().retain(|_, (_, name)| !dead.contains(name));
    }

    /// Evicts the unmanaged names that functions of a module have imported, if there are many: clients may choose those names, and
    /// a function imports a name again when it needs it.
    fn forget_absent(&self, module: &Managed) {
        let mut names = self.names.lock();
        let mut absent = module.late_uses();
        absent.retain(|name| {
            names.known.get(name).is_none_or(|known| known.resolution == Resolution::Unmanaged)
                && !names.suspects.contains_key(name)
        });
        if absent.len() > MOST_ABSENT {
            for name in &absent {
                module.forget_use(name);
                names.graph.remove(&module.name, name);
            }
        }
    }
}
