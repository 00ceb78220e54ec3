//! The import graph: which module uses which name, what a change affects, and in which order modules run.
//!
//! Promises: every module that may see a change is affected; used modules come before their users, except in a cycle.
//!
//! Does not know: Python, files and generations, so that it can be property-tested by itself.

mod components;
pub mod dot;
pub mod generation;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::graph::components::strongly_connected;

/// A module's dotted name, or a name that was looked for and not found.
pub type Name = Arc<str>;

/// The import graph. An edge leads from a module to a name that it uses; edges are stored in both directions.
///
/// ```
/// use reload_core::graph::{Graph, Name};
/// use std::collections::{HashMap, HashSet};
///
/// let (app, util) = (Name::from("app"), Name::from("util"));
/// let mut graph = Graph::default();
/// graph.add(&app, &util);
///
/// assert_eq!(graph.users_of("util").collect::<Vec<_>>(), [&app]);
/// let names = HashSet::from([app.clone(), util.clone()]);
/// assert_eq!(graph.order(&names, &HashMap::new(), |_| 0), [[util], [app]]);
/// ```
#[derive(Debug, Default, Clone)]
pub struct Graph {
    uses: HashMap<Name, HashSet<Name>>,
    users: HashMap<Name, HashSet<Name>>,
    holds: HashMap<Name, HashSet<Name>>,
    holders: HashMap<Name, HashSet<Name>>,
}

fn connect(
    forward: &mut HashMap<Name, HashSet<Name>>,
    back: &mut HashMap<Name, HashSet<Name>>,
    a: &Name,
    b: &Name,
) -> bool {
    let new = forward.entry(a.clone()).or_default().insert(b.clone());
    if new {
        back.entry(b.clone()).or_default().insert(a.clone());
    }
    new
}

fn disconnect(forward: &mut HashMap<Name, HashSet<Name>>, back: &mut HashMap<Name, HashSet<Name>>, a: &str) {
    for b in forward.remove(a).into_iter().flatten() {
        if let Some(others) = back.get_mut(&b) {
            others.remove(a);
            if others.is_empty() {
                back.remove(&b);
            }
        }
    }
}

/// How code reads a submodule of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reading {
    /// It does not.
    Never,
    /// By the name of the package, which the module imports.
    ByName,
    /// As an attribute of an object that another module may have passed to it.
    Anyhow,
}

/// What [`Graph::affected`] must know of code to decide about the ancestors of a changed submodule.
pub trait Facts {
    /// How the module's code reads `rest`, a submodule below the package.
    fn reading(&self, module: &str, package: &str, rest: &str) -> Reading;
    /// Whether the package is loaded, so that its submodules are its attributes.
    fn is_loaded(&self, package: &str) -> bool;
    /// Whether the package must run again when its attribute `child` changes. Otherwise a copy of its namespace is enough.
    fn must_run_for(&self, package: &str, child: &str) -> bool;
    /// Whether the module is loaded and must not run again.
    fn is_kept(&self, _module: &str) -> bool {
        false
    }
}

/// What a change affects.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Affected {
    /// Modules whose bodies run again.
    pub run: HashSet<Name>,
    /// Packages that are copied without running, because a submodule of theirs has a new module object.
    pub renew: HashSet<Name>,
    /// Modules that would run if they were not kept.
    pub kept: HashSet<Name>,
}

impl Graph {
    /// Adds an edge. Returns whether it is new. A module does not use itself.
    pub fn add(&mut self, user: &Name, used: &Name) -> bool {
        user != used && connect(&mut self.uses, &mut self.users, user, used)
    }

    /// Remembers that the module's namespace refers to a package object, through which code can read submodules. `from package
    /// import part` uses the package without holding it.
    pub fn add_hold(&mut self, module: &Name, package: &Name) -> bool {
        connect(&mut self.holds, &mut self.holders, module, package)
    }

    /// Removes the edges of `user`: its body is to run again, or the module is gone.
    pub fn forget(&mut self, user: &str) {
        disconnect(&mut self.uses, &mut self.users, user);
        disconnect(&mut self.holds, &mut self.holders, user);
    }

    /// The names that `user` uses.
    pub fn used_by(&self, user: &str) -> impl Iterator<Item = &Name> {
        self.uses.get(user).into_iter().flatten()
    }

    /// Removes one edge.
    pub fn remove(&mut self, user: &str, used: &str) {
        if let Some(others) = self.uses.get_mut(user) {
            others.remove(used);
        }
        if let Some(others) = self.users.get_mut(used) {
            others.remove(user);
            if others.is_empty() {
                self.users.remove(used);
            }
        }
    }

    /// The modules that use `name`.
    pub fn users_of(&self, name: &str) -> impl Iterator<Item = &Name> {
        self.users.get(name).into_iter().flatten()
    }

    /// Everything that must change with `changed`: its direct and indirect users, the packages around any of them, and the modules
    /// that read a changed submodule through such a package.
    pub fn affected(&self, changed: impl IntoIterator<Item = Name>, facts: &impl Facts) -> Affected {
        let mut result = Affected::default();
        let mut handed_on: HashSet<(Name, Name)> = HashSet::new();
        let mut queue: Vec<Name> = changed.into_iter().collect();
        while let Some(name) = queue.pop() {
            if facts.is_kept(&name) {
                result.kept.insert(name);
                continue;
            }
            if !result.run.insert(name.clone()) {
                continue;
            }
            result.renew.remove(&name);
            queue.extend(self.users_of(&name).cloned());
            let mut child: &str = &name;
            while let Some((package, tail)) = child.rsplit_once('.') {
                if !facts.is_loaded(package) || result.run.contains(package) {
                    break;
                }
                let is_kept = facts.is_kept(package);
                if is_kept && !facts.is_loaded(child) {
                    break;
                }
                let package_name: Name = Name::from(package);
                if !is_kept && facts.must_run_for(package, tail) {
                    queue.push(package_name);
                    break;
                }
                let rest = &name[package.len() + 1..];
                if !handed_on.insert((package_name.clone(), Name::from(rest))) {
                    break;
                }
                queue.extend(self.reach_through(package, rest, facts));
                result.renew.insert(package_name);
                child = package;
            }
        }
        result
    }

    /// The modules that read the submodule `rest` and can reach the package, with the modules through which they reach it.
    ///
    /// ```text
    /// pkg.sub changes
    /// base:   import pkg              holds pkg
    /// user:   base.pkg.sub.f()        uses base, and reads `sub` of an object from base
    /// result: user and base
    /// ```
    fn reach_through(&self, package: &str, rest: &str, facts: &impl Facts) -> Vec<Name> {
        let mut reach: HashSet<&Name> = HashSet::new();
        let mut queue: Vec<&Name> = self.holders.get(package).into_iter().flatten().collect();
        while let Some(name) = queue.pop() {
            if reach.insert(name) {
                queue.extend(self.users_of(name));
            }
        }
        let mut by_name: Vec<&Name> = Vec::new();
        let mut queue: Vec<&Name> = Vec::new();
        for name in &reach {
            match facts.reading(name, package, rest) {
                Reading::Never => {}
                Reading::ByName => by_name.push(name),
                Reading::Anyhow => queue.push(name),
            }
        }
        let mut found: HashSet<&Name> = HashSet::new();
        while let Some(name) = queue.pop() {
            if found.insert(name) {
                queue.extend(self.used_by(name).filter(|n| reach.contains(n)));
            }
        }
        found.extend(by_name);
        found.into_iter().cloned().collect()
    }

    /// The names in groups, each a strongly connected component, used groups before their users. Within a group, and between
    /// independent groups, the lower `rank` comes first. `extra` has edges that count for the order only.
    pub fn order(
        &self,
        names: &HashSet<Name>,
        extra: &HashMap<Name, Vec<Name>>,
        rank: impl Fn(&str) -> u64,
    ) -> Vec<Vec<Name>> {
        let mut nodes: Vec<&Name> = names.iter().collect();
        nodes.sort_by_key(|n| (rank(n), (*n).clone()));
        let index: HashMap<&str, usize> = nodes.iter().enumerate().map(|(i, n)| (&***n, i)).collect();
        let edges: Vec<Vec<usize>> = nodes
            .iter()
            .map(|name| {
                let more = extra.get(*name).into_iter().flatten();
                let mut used: Vec<usize> =
                    self.used_by(name).chain(more).filter_map(|n| index.get(&**n).copied()).collect();
                used.sort_unstable();
                used
            })
            .collect();
        let mut groups = strongly_connected(&edges);
        for group in &mut groups {
            group.sort_unstable();
        }
        groups.into_iter().map(|g| g.into_iter().map(|i| nodes[i].clone()).collect()).collect()
    }
}
