//! In which order modules run again.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use reload_core::graph::{Graph, Name};

fn name(number: usize) -> Name {
    Name::from(format!("m{number}"))
}

/// What can be reached over the edges from each node, found in the simplest way. A node reaches itself.
fn reachability(count: usize, edges: &[(usize, usize)]) -> Vec<Vec<bool>> {
    let mut reaches = vec![vec![false; count]; count];
    for (i, row) in reaches.iter_mut().enumerate() {
        row[i] = true;
    }
    for (user, used) in edges {
        reaches[*user][*used] = true;
    }
    for middle in 0..count {
        let onward = reaches[middle].clone();
        for row in &mut reaches {
            if row[middle] {
                for (target, reached) in row.iter_mut().zip(&onward) {
                    *target |= reached;
                }
            }
        }
    }
    reaches
}

/// A graph: the number of nodes, edges from user to used, and ranks.
fn graphs() -> impl Strategy<Value = (usize, Vec<(usize, usize)>, Vec<u64>)> {
    (1_usize..20).prop_flat_map(|count| {
        let edges = prop::collection::vec((0..count, 0..count), 0..count * 3);
        (Just(count), edges, prop::collection::vec(0_u64..1000, count))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// P5: used ones before their users, and a cycle is one unit, in the order in which it was first loaded.
    #[test]
    fn groups_are_the_strongly_connected_parts((count, edges, ranks) in graphs(), extra_from in 0_usize..60) {
        let mut graph = Graph::default();
        let mut extra: HashMap<Name, Vec<Name>> = HashMap::new();
        // Edges for the order alone count like the graph's own.
        for (at, (user, used)) in edges.iter().enumerate() {
            if at < extra_from {
                graph.add(&name(*user), &name(*used));
            } else {
                extra.entry(name(*user)).or_default().push(name(*used));
            }
        }
        let names: HashSet<Name> = (0..count).map(name).collect();
        let number = |n: &str| n[1..].parse::<usize>().expect("a name ends with its number");
        let groups = graph.order(&names, &extra, |n| ranks[number(n)]);

        let place: HashMap<usize, usize> =
            groups.iter().enumerate().flat_map(|(at, group)| group.iter().map(move |n| (number(n), at))).collect();
        prop_assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), count, "each name once");
        prop_assert_eq!(place.len(), count);
        let reaches = reachability(count, &edges);
        for a in 0..count {
            for b in 0..count {
                let together = reaches[a][b] && reaches[b][a];
                prop_assert_eq!(place[&a] == place[&b], together, "m{} and m{}", a, b);
                if reaches[a][b] && !together {
                    prop_assert!(place[&b] < place[&a], "m{} uses m{}", a, b);
                }
            }
        }
        for group in &groups {
            let in_rank = group.windows(2).all(|pair| ranks[number(&pair[0])] <= ranks[number(&pair[1])]);
            prop_assert!(in_rank, "{:?}", group);
        }
    }

    /// Names that are not to run do not matter, though they connect others.
    #[test]
    fn only_the_wanted_names_come_out((count, edges, _) in graphs(), wanted in prop::collection::hash_set(0_usize..20, 0..10)) {
        let mut graph = Graph::default();
        for (user, used) in &edges {
            graph.add(&name(*user), &name(*used));
        }
        let wanted: HashSet<Name> = wanted.into_iter().filter(|n| *n < count).map(name).collect();
        let groups = graph.order(&wanted, &HashMap::new(), |_| 0);
        let found: HashSet<Name> = groups.into_iter().flatten().collect();
        prop_assert_eq!(found, wanted);
    }

    /// Modules that have nothing to do with each other run in the order in which they were first loaded.
    #[test]
    fn free_groups_come_by_rank(ranks in prop::collection::hash_set(0_u64..10_000, 1..20)) {
        let ranks: Vec<u64> = ranks.into_iter().collect();
        let names: HashSet<Name> = (0..ranks.len()).map(name).collect();
        let rank = |n: &str| ranks[n[1..].parse::<usize>().expect("a name ends with its number")];
        let groups = Graph::default().order(&names, &HashMap::new(), rank);
        let found: Vec<u64> = groups.iter().flatten().map(|n| rank(n)).collect();
        let mut sorted = ranks.clone();
        sorted.sort_unstable();
        prop_assert_eq!(found, sorted);
    }
}

/// Chains and cycles as long as no stack is deep.
#[test]
fn deep_chains_and_cycles_do_not_overflow() {
    const LENGTH: usize = 100_000;
    let mut graph = Graph::default();
    let names: Vec<Name> = (0..LENGTH).map(name).collect();
    for pair in names.windows(2) {
        graph.add(&pair[0], &pair[1]);
    }
    let all: HashSet<Name> = names.iter().cloned().collect();
    let groups = graph.order(&all, &HashMap::new(), |_| 0);
    let flat: Vec<Name> = groups.into_iter().flatten().collect();
    assert!(flat.iter().eq(names.iter().rev()), "the used ones come first");

    graph.add(&names[LENGTH - 1], &names[0]);
    let groups = graph.order(&all, &HashMap::new(), |_| 0);
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0].len(), LENGTH);
}
