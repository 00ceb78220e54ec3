//! What a change affects.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use reload_core::graph::{Affected, Facts, Graph, Name, Reading};

/// Facts that a test makes up.
#[derive(Debug, Default, Clone)]
struct Made {
    reads: HashSet<(String, String)>,
    /// Readers that use the package's own name.
    by_name: HashSet<String>,
    loaded: HashSet<String>,
    must_run: HashSet<(String, String)>,
    kept: HashSet<String>,
}

impl Facts for Made {
    fn reading(&self, module: &str, _: &str, rest: &str) -> Reading {
        let first = rest.split('.').next().unwrap_or(rest);
        match self.reads.contains(&pair(module, first)) {
            false => Reading::Never,
            true if self.by_name.contains(module) => Reading::ByName,
            true => Reading::Anyhow,
        }
    }

    fn is_loaded(&self, package: &str) -> bool {
        self.loaded.contains(package)
    }

    fn must_run_for(&self, package: &str, child: &str) -> bool {
        self.must_run.contains(&(package.to_owned(), child.to_owned()))
    }

    fn is_kept(&self, module: &str) -> bool {
        self.kept.contains(module)
    }
}

fn pair(a: &str, b: &str) -> (String, String) {
    (a.to_owned(), b.to_owned())
}

fn names(list: &[&str]) -> HashSet<Name> {
    list.iter().map(|name| Name::from(*name)).collect()
}

/// A graph of `user` to `used`.
fn graph(edges: &[(&str, &str)]) -> Graph {
    let mut graph = Graph::default();
    for (user, used) in edges {
        graph.add(&Name::from(*user), &Name::from(*used));
    }
    graph
}

fn affected(graph: &Graph, changed: &[&str], facts: &Made) -> Affected {
    graph.affected(names(changed), facts)
}

/// All that can be reached against the edges, found in the simplest way.
fn closure(edges: &[(Name, Name)], changed: &HashSet<Name>) -> HashSet<Name> {
    let mut found = changed.clone();
    loop {
        let more: Vec<Name> =
            edges.iter().filter(|(u, v)| found.contains(v) && !found.contains(u)).map(|(u, _)| u.clone()).collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

/// Names without dots, and edges between them.
fn flat() -> impl Strategy<Value = (Vec<(Name, Name)>, HashSet<Name>)> {
    (1_usize..25).prop_flat_map(|count| {
        let name = (0..count).prop_map(|i| Name::from(format!("m{i}")));
        let edges = prop::collection::vec((name.clone(), name.clone()), 0..60);
        (edges, prop::collection::hash_set(name, 0..4))
    })
}

/// Names in three levels of packages.
fn dotted() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]",
        ("[a-c]", "[d-f]").prop_map(|(a, b)| format!("{a}.{b}")),
        ("[a-c]", "[d-f]", "[g-i]").prop_map(|(a, b, c)| format!("{a}.{b}.{c}")),
    ]
}

type Pairs = Vec<(String, String)>;

/// A graph with packages, who holds which, facts about it and a change.
fn nested() -> impl Strategy<Value = (Pairs, Pairs, Made, HashSet<String>)> {
    let pairs = || prop::collection::hash_set((dotted(), "[a-i]"), 0..30);
    let few = prop::collection::hash_set((dotted(), "[a-i]"), 0..4);
    let some = || prop::collection::hash_set(dotted(), 0..20);
    let facts = (pairs(), some(), some(), few).prop_map(|(reads, by_name, loaded, must_run)| Made {
        reads,
        by_name,
        loaded,
        must_run,
        ..Made::default()
    });
    let edges = || prop::collection::vec((dotted(), dotted()), 0..40);
    (edges(), edges(), facts, prop::collection::hash_set(dotted(), 0..4))
}

/// What runs and what is renewed by the rules, applied until nothing more comes of them.
fn least(
    uses: &HashSet<(String, String)>,
    holds: &Pairs,
    facts: &Made,
    changed: &HashSet<String>,
) -> (HashSet<String>, HashSet<String>) {
    let reaches = |holders: HashSet<&String>, tail: &str| {
        let mut near: HashSet<&String> = holders;
        while let Some((user, _)) = uses.iter().find(|(user, used)| near.contains(used) && !near.contains(user)) {
            near.insert(user);
        }
        // Who reads the attribute, and through whom the package came to it.
        let readers = |how: Reading| near.iter().copied().filter(move |n| facts.reading(n, "", tail) == how);
        let mut found: HashSet<&String> = readers(Reading::Anyhow).collect();
        let next = |found: &HashSet<&String>| {
            let onward = uses.iter().filter(|(user, used)| found.contains(user) && near.contains(used));
            onward.map(|(_, used)| near.get(used).copied()).find_map(|n| n.filter(|n| !found.contains(n)))
        };
        while let Some(more) = next(&found) {
            found.insert(more);
        }
        found.extend(readers(Reading::ByName));
        found.into_iter().cloned().collect::<HashSet<String>>()
    };
    let (mut run, mut renew) = (changed.clone(), HashSet::<String>::new());
    loop {
        let before = (run.len(), renew.len());
        let users = uses.iter().filter(|(_, used)| run.contains(used)).map(|(user, _)| user.clone());
        run.extend(users.collect::<Vec<_>>());
        for name in run.union(&renew).cloned().collect::<Vec<_>>() {
            let Some((package, tail)) = name.rsplit_once('.') else { continue };
            if !facts.is_loaded(package) || run.contains(package) {
                continue;
            }
            if facts.must_run_for(package, tail) {
                run.insert(package.to_owned());
                continue;
            }
            renew.insert(package.to_owned());
            run.extend(reaches(
                holds.iter().filter(|(_, held)| held == package).map(|(holder, _)| holder).collect(),
                tail,
            ));
        }
        if before == (run.len(), renew.len()) {
            renew.retain(|name| !run.contains(name));
            return (run, renew);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// P1 and P5 where there are no packages: exactly the changed modules and those that depend on them.
    #[test]
    fn without_packages_it_is_the_closure_and_nothing_more((edges, changed) in flat()) {
        let mut graph = Graph::default();
        for (user, used) in &edges {
            graph.add(user, used);
        }
        let result = graph.affected(changed.iter().cloned(), &Made::default());
        prop_assert!(result.renew.is_empty());
        prop_assert_eq!(result.run, closure(&edges, &changed));
    }

    /// P1 where there are packages: users of what runs run too; a package whose submodule is new is new itself; who reaches
    /// the submodule through the package runs.
    #[test]
    fn with_packages_it_is_closed((edges, holds, facts, changed) in nested()) {
        let mut graph = Graph::default();
        for (user, used) in &edges {
            graph.add(&Name::from(user.as_str()), &Name::from(used.as_str()));
        }
        for (holder, held) in &holds {
            let (holder, held) = (Name::from(holder.as_str()), Name::from(held.as_str()));
            // What an import puts into a namespace is used as well.
            graph.add(&holder, &held);
            graph.add_hold(&holder, &held);
        }
        let result = graph.affected(changed.iter().map(|n| Name::from(n.as_str())), &facts);
        for name in &changed {
            prop_assert!(result.run.contains(name.as_str()));
        }
        prop_assert!(result.run.is_disjoint(&result.renew));
        for name in &result.run {
            for user in graph.users_of(name) {
                prop_assert!(result.run.contains(user), "{} uses {}", user, name);
            }
        }
        for name in result.run.iter().chain(&result.renew) {
            let Some((package, tail)) = name.rsplit_once('.') else { continue };
            if !facts.is_loaded(package) {
                continue;
            }
            prop_assert!(
                result.run.contains(package) || result.renew.contains(package),
                "{} is new and {} is not", name, package
            );
            if facts.must_run_for(package, tail) {
                prop_assert!(result.run.contains(package), "{} must run for {}", package, tail);
            }
            // Whoever has the package's object in its namespace, or uses one that has.
            let holders = holds.iter().filter(|(_, held)| held == package).map(|(holder, _)| Name::from(holder.as_str()));
            let uses: Vec<(Name, Name)> =
                edges.iter().chain(&holds).map(|(a, b)| (Name::from(a.as_str()), Name::from(b.as_str()))).collect();
            for user in closure(&uses, &holders.collect()) {
                let reaches = facts.reading(&user, package, tail) != Reading::Never;
                prop_assert!(!reaches || result.run.contains(&user), "{} reaches {} through {}", user, name, package);
            }
        }
        for package in &result.renew {
            prop_assert!(facts.is_loaded(package), "{} is not loaded", package);
            let is_above = result.run.iter().any(|n| n.starts_with(&format!("{package}.")));
            prop_assert!(is_above, "{} holds nothing that runs", package);
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// P5 where there are packages: nothing runs and nothing is renewed that the rules do not ask for.
    #[test]
    fn with_packages_it_is_the_least_that_is_closed((edges, holds, facts, changed) in nested()) {
        let uses: HashSet<(String, String)> = edges.iter().chain(&holds).cloned().collect();
        let mut graph = Graph::default();
        for (user, used) in &uses {
            graph.add(&Name::from(user.as_str()), &Name::from(used.as_str()));
        }
        for (holder, held) in &holds {
            graph.add_hold(&Name::from(holder.as_str()), &Name::from(held.as_str()));
        }
        let result = graph.affected(changed.iter().map(|n| Name::from(n.as_str())), &facts);
        let (run, renew) = least(&uses, &holds, &facts, &changed);
        let plain = |names: &HashSet<Name>| names.iter().map(|n| n.to_string()).collect::<HashSet<_>>();
        prop_assert_eq!(plain(&result.run), run);
        prop_assert_eq!(plain(&result.renew), renew);
    }

    /// Whatever is added and taken away: each direction tells what the other one does, and what is left affects the same as in
    /// a graph that never had anything else.
    #[test]
    fn both_directions_stay_equal(
        steps in prop::collection::vec((0_u8..4, dotted(), dotted()), 0..60),
        facts in nested().prop_map(|(_, _, facts, _)| facts),
        changed in prop::collection::hash_set(dotted(), 1..4),
    ) {
        let mut graph = Graph::default();
        let mut uses: HashSet<(String, String)> = HashSet::new();
        let mut holds = uses.clone();
        for (kind, a, b) in steps {
            let (user, used) = (Name::from(a.as_str()), Name::from(b.as_str()));
            match kind {
                0 => {
                    graph.forget(&user);
                    uses.retain(|(user, _)| *user != a);
                    holds.retain(|(holder, _)| *holder != a);
                }
                _ if a == b => prop_assert!(!graph.add(&user, &used)),
                _ => {
                    prop_assert_eq!(graph.add(&user, &used), uses.insert((a.clone(), b.clone())));
                    // What an import puts into a namespace is used as well.
                    if kind == 1 {
                        prop_assert_eq!(graph.add_hold(&user, &used), holds.insert((a, b)));
                    }
                }
            }
        }
        let all: HashSet<&String> = uses.iter().flat_map(|(a, b)| [a, b]).collect();
        for a in &all {
            for b in &all {
                let is_edge = uses.contains(&((*a).clone(), (*b).clone()));
                prop_assert_eq!(graph.used_by(a).any(|n| **n == ***b), is_edge, "{} uses {}", a, b);
                prop_assert_eq!(graph.users_of(b).any(|n| **n == ***a), is_edge, "{} is used by {}", b, a);
            }
        }
        let mut fresh = Graph::default();
        for (a, b) in &uses {
            fresh.add(&Name::from(a.as_str()), &Name::from(b.as_str()));
        }
        for (a, b) in &holds {
            fresh.add_hold(&Name::from(a.as_str()), &Name::from(b.as_str()));
        }
        let names = || changed.iter().map(|n| Name::from(n.as_str()));
        prop_assert_eq!(graph.affected(names(), &facts), fresh.affected(names(), &facts));
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Edges that are taken away leave nothing behind, in either direction.
    #[test]
    fn forgetting_a_user_takes_its_edges_alone((edges, _) in flat(), index in any::<prop::sample::Index>()) {
        let mut whole = Graph::default();
        for (user, used) in &edges {
            whole.add(user, used);
        }
        let Some((gone, _)) = (!edges.is_empty()).then(|| index.get(&edges).clone()) else { return Ok(()) };
        whole.forget(&gone);
        let mut rest = Graph::default();
        for (user, used) in edges.iter().filter(|(user, _)| *user != gone) {
            rest.add(user, used);
        }
        let of = |graph: &Graph| -> HashMap<Name, (HashSet<Name>, HashSet<Name>)> {
            let all = edges.iter().flat_map(|(u, v)| [u.clone(), v.clone()]);
            all.map(|n| {
                let sides = (graph.used_by(&n).cloned().collect(), graph.users_of(&n).cloned().collect());
                (n, sides)
            }).collect()
        };
        prop_assert_eq!(of(&whole), of(&rest));
    }
}

/// An edge is new once; a module does not use itself.
#[test]
fn adding_tells_what_is_new() {
    let mut graph = Graph::default();
    let [a, b] = ["a", "b"].map(Name::from);
    assert!(graph.add(&a, &b));
    assert!(!graph.add(&a, &b));
    assert!(!graph.add(&a, &a));
    assert_eq!(graph.used_by("a").collect::<Vec<_>>(), [&b]);
    assert_eq!(graph.users_of("a").count(), 0);
}

/// Cases 21 and 22: a package above an edited submodule is renewed without running, as far up as packages are loaded.
#[test]
fn ancestors_are_renewed() {
    let graph = graph(&[("h", "a.b.c"), ("other", "a")]);
    let facts = Made { loaded: ["a", "a.b"].map(str::to_owned).into(), ..Made::default() };
    let result = affected(&graph, &["a.b.c"], &facts);
    assert_eq!(result, Affected { run: names(&["a.b.c", "h"]), renew: names(&["a", "a.b"]), ..Affected::default() });
}

/// A module that uses only the package, but reaches the submodule as its attribute, is a user of the submodule; and so is
/// whoever hands it the package.
#[test]
fn an_attribute_of_a_package_is_an_edge() {
    let edges = [("direct", "pkg"), ("indirect", "middle"), ("middle", "pkg"), ("stranger", "pkg"), ("user", "pkg")];
    let mut graph = graph(&edges);
    // `user` has imported names from the package, and not the package.
    for holder in ["direct", "middle", "stranger"] {
        graph.add_hold(&Name::from(holder), &Name::from("pkg"));
    }
    let facts = Made {
        loaded: ["pkg".to_owned()].into(),
        reads: [pair("direct", "sub"), pair("indirect", "sub"), pair("user", "sub")].into(),
        ..Made::default()
    };
    let result = affected(&graph, &["pkg.sub"], &facts);
    assert_eq!(result.run, names(&["pkg.sub", "direct", "indirect", "middle"]));
    assert_eq!(result.renew, names(&["pkg"]));
}

/// P5: whoever reaches the submodule by the package's own name needs nobody who holds the package as well.
#[test]
fn a_package_that_is_named_is_reached_through_nobody() {
    let mut graph = graph(&[("h", "stranger"), ("h", "pkg"), ("stranger", "pkg")]);
    for holder in ["h", "stranger"] {
        graph.add_hold(&Name::from(holder), &Name::from("pkg"));
    }
    let mut facts = Made { loaded: ["pkg".to_owned()].into(), reads: [pair("h", "sub")].into(), ..Made::default() };
    assert_eq!(affected(&graph, &["pkg.sub"], &facts).run, names(&["pkg.sub", "h", "stranger"]));
    facts.by_name.insert("h".to_owned());
    assert_eq!(affected(&graph, &["pkg.sub"], &facts).run, names(&["pkg.sub", "h"]));
}

/// A package whose own code depends on its submodule runs, and its users with it.
#[test]
fn a_package_that_depends_on_its_child_runs() {
    let graph = graph(&[("h", "pkg")]);
    let facts = Made { loaded: ["pkg".to_owned()].into(), must_run: [pair("pkg", "sub")].into(), ..Made::default() };
    let result = affected(&graph, &["pkg.sub"], &facts);
    assert_eq!(result, Affected { run: names(&["pkg.sub", "pkg", "h"]), ..Affected::default() });
}

/// A chain as long as no stack is deep.
#[test]
fn a_deep_chain_is_affected_whole() {
    let chain: Vec<Name> = (0..100_000).map(|i| Name::from(format!("m{i}"))).collect();
    let mut graph = Graph::default();
    for pair in chain.windows(2) {
        graph.add(&pair[0], &pair[1]);
    }
    let result = graph.affected([chain[99_999].clone()], &Made::default());
    assert_eq!(result.run.len(), 100_000);
}

#[test]
fn a_kept_module_does_not_run_and_passes_nothing_on() {
    let graph = graph(&[("h", "a"), ("a", "m"), ("m", "c"), ("h", "d"), ("d", "c")]);
    let facts = Made { kept: HashSet::from(["m".to_owned()]), ..Made::default() };
    let result = affected(&graph, &["c"], &facts);
    assert_eq!(result, Affected { run: names(&["c", "d", "h"]), kept: names(&["m"]), ..Affected::default() });
    let result = affected(&graph, &["m"], &facts);
    assert_eq!(result, Affected { kept: names(&["m"]), ..Affected::default() });
}

#[test]
fn a_kept_package_never_runs_for_a_submodule() {
    let graph = graph(&[("h", "pkg.sub")]);
    let facts = Made {
        loaded: HashSet::from(["pkg".to_owned(), "pkg.sub".to_owned()]),
        must_run: HashSet::from([pair("pkg", "sub"), pair("pkg", "new")]),
        kept: HashSet::from(["pkg".to_owned()]),
        ..Made::default()
    };
    // A loaded submodule gets a new object, which the package must show; one that is new does not concern it.
    let result = affected(&graph, &["pkg.sub"], &facts);
    assert_eq!(result, Affected { run: names(&["pkg.sub", "h"]), renew: names(&["pkg"]), ..Affected::default() });
    let result = affected(&graph, &["pkg.new"], &facts);
    assert_eq!(result, Affected { run: names(&["pkg.new"]), ..Affected::default() });
}
