//! Who uses whom, by dotted name; what a change affects; in which order it runs again.
//!
//! Knows nothing of Python or httpd, so that it can be property-tested by itself.

pub mod dot;
pub mod generation;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A module's dotted name, or a name that was looked for and not found.
pub type Name = Arc<str>;

/// The edges from users to what they use, in both directions.
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

/// How code gets at a submodule of a package that it may have in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reading {
    /// It does not.
    Never,
    /// By the package's own name, which the module has imported itself.
    ByName,
    /// As an attribute of something that it may have got from others.
    Anyhow,
}

/// What the graph must know of code to decide about ancestors of a changed submodule.
pub trait Facts {
    /// How the module's code gets at `rest`, a submodule below the package.
    fn reading(&self, module: &str, package: &str, rest: &str) -> Reading;
    /// Whether the package is loaded, so that it holds its submodules as attributes.
    fn is_loaded(&self, package: &str) -> bool;
    /// Whether the package must run again when its attribute `child` changes, as a copy of its namespace would not do.
    fn must_run_for(&self, package: &str, child: &str) -> bool;
    /// Whether the module is loaded and stays what it is.
    fn is_kept(&self, _module: &str) -> bool {
        false
    }
}

/// What a change affects.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Affected {
    /// Modules whose bodies run again.
    pub run: HashSet<Name>,
    /// Packages that get an object of their own without running: a submodule of theirs has a new object.
    pub renew: HashSet<Name>,
    /// Modules that would run if they were not kept.
    pub kept: HashSet<Name>,
}

impl Graph {
    /// Adds an edge; tells whether it is new. A module does not use itself.
    pub fn add(&mut self, user: &Name, used: &Name) -> bool {
        user != used && connect(&mut self.uses, &mut self.users, user, used)
    }

    /// Remembers that a package's own object stands in the module's namespace, so that code can reach its submodules through
    /// it. `from package import part` uses the package without holding it.
    pub fn add_hold(&mut self, module: &Name, package: &Name) -> bool {
        connect(&mut self.holds, &mut self.holders, module, package)
    }

    /// Takes away everything that `user` uses: its body is to run again, or it is gone.
    pub fn forget(&mut self, user: &str) {
        disconnect(&mut self.uses, &mut self.users, user);
        disconnect(&mut self.holds, &mut self.holders, user);
    }

    /// What `user` uses.
    pub fn used_by(&self, user: &str) -> impl Iterator<Item = &Name> {
        self.uses.get(user).into_iter().flatten()
    }

    /// Takes one edge away.
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

    /// Who uses `name`.
    pub fn users_of(&self, name: &str) -> impl Iterator<Item = &Name> {
        self.users.get(name).into_iter().flatten()
    }

    /// Everything that must change when `changed` has: its users, theirs, and so on; the packages that hold any of them; and
    /// whoever reaches a changed submodule through such a package.
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

    /// The modules that read the submodule `rest` and can reach the package: those that hold it, and those that use one that does;
    /// with the modules through which they may reach it.
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

    /// The names in groups, each group a strongly connected part, used ones before their users. Inside a group, and among
    /// groups that are free, the lower `rank` comes first. `extra` adds edges for the order alone.
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

/// Tarjan's algorithm without recursion: a chain of imports may be longer than a stack. Parts come out with what they use first.
fn strongly_connected(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    const UNSEEN: usize = usize::MAX;
    let mut index = vec![UNSEEN; edges.len()];
    let mut low = vec![0; edges.len()];
    let mut on_stack = vec![false; edges.len()];
    let mut stack = Vec::new();
    let mut parts = Vec::new();
    let mut next = 0;
    for root in 0..edges.len() {
        if index[root] != UNSEEN {
            continue;
        }
        let mut work = vec![(root, 0)];
        while let Some((node, edge)) = work.pop() {
            if edge == 0 {
                index[node] = next;
                low[node] = next;
                next += 1;
                stack.push(node);
                on_stack[node] = true;
            }
            let mut position = edge;
            let mut descended = false;
            while let Some(&target) = edges[node].get(position) {
                position += 1;
                if index[target] == UNSEEN {
                    work.push((node, position));
                    work.push((target, 0));
                    descended = true;
                    break;
                }
                if on_stack[target] {
                    low[node] = low[node].min(index[target]);
                }
            }
            if descended {
                continue;
            }
            if low[node] == index[node] {
                let mut part = Vec::new();
                while let Some(member) = stack.pop() {
                    on_stack[member] = false;
                    part.push(member);
                    if member == node {
                        break;
                    }
                }
                parts.push(part);
            }
            if let Some((parent, _)) = work.last() {
                low[*parent] = low[*parent].min(low[node]);
            }
        }
    }
    parts
}
