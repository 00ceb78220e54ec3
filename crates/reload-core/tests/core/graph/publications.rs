//! Generations one after another: what they share, and that the old ones stay as they are.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use proptest::prelude::*;

use reload_core::{
    graph::Name,
    graph::generation::{Generation, LoadClaim, ModuleMap},
};

/// What happens to the newest generation.
#[derive(Debug, Clone)]
enum Step {
    /// A module is loaded that nobody needed before, into the generation of that age; its body fails or not.
    Load { back: usize, name: Name, succeeds: bool },
    /// A module of a newer generation is shared with an older one, or the other way round.
    Share { from: usize, to: usize, name: Name },
    /// The next generation: these modules are made anew, those are gone, and all others are shared.
    Publish { renewed: Vec<Name>, gone: Vec<Name> },
    /// The last pin of the oldest generation goes.
    Unpin,
}

fn names() -> impl Strategy<Value = Name> {
    (0_usize..6).prop_map(|i| Name::from(format!("m{i}")))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let few = || prop::collection::vec(names(), 0..4);
    let step = prop_oneof![
        (0_usize..4, names(), any::<bool>()).prop_map(|(back, name, succeeds)| Step::Load { back, name, succeeds }),
        (0_usize..4, 0_usize..4, names()).prop_map(|(from, to, name)| Step::Share { from, to, name }),
        (few(), few()).prop_map(|(renewed, gone)| Step::Publish { renewed, gone }),
        Just(Step::Unpin),
    ];
    prop::collection::vec(step, 1..40)
}

/// A generation, and what must be in it: module objects are told apart by numbers.
type Pinned = (Generation<usize>, HashMap<Name, usize>);

/// Loads as an importer does, unless the module is there.
fn load(generation: &Generation<usize>, name: &Name, number: usize, succeeds: bool) -> Option<Arc<usize>> {
    match generation.claim(name) {
        Some(LoadClaim::Found(module)) => Some(module),
        Some(LoadClaim::Yours) => {
            let module = Arc::new(number);
            generation.begin(name, module.clone());
            assert!(generation.ready(name).is_none(), "a body that runs is not ready");
            assert!(generation.any(name).is_some_and(|running| Arc::ptr_eq(&running, &module)));
            generation.settle(name, succeeds.then_some(module.clone()));
            succeeds.then_some(module)
        }
        None => panic!("one thread never waits for itself"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// P4 and P5: unaffected modules are the same objects in each generation, what is published later shows in no older one, and a
    /// module goes with the last generation that has it.
    #[test]
    fn generations_share_what_is_not_affected_and_nothing_else(steps in steps()) {
        let mut pinned: Vec<Pinned> = vec![(Generation::new(1, ModuleMap::new_sync(), ()), HashMap::new())];
        let mut made: Vec<Weak<usize>> = Vec::new();
        let mut published = 1;
        for step in steps {
            let age = |back: usize, pinned: &[Pinned]| pinned.len() - 1 - back.min(pinned.len() - 1);
            match step {
                Step::Load { back, name, succeeds } => {
                    let at = age(back, &pinned);
                    let (generation, expected) = &mut pinned[at];
                    let loaded = load(generation, &name, made.len(), succeeds);
                    match (expected.get(&name), loaded) {
                        (Some(number), Some(module)) => prop_assert_eq!(*module, *number, "what is there is not loaded again"),
                        (None, Some(module)) => {
                            prop_assert_eq!(*module, made.len());
                            made.push(Arc::downgrade(&module));
                            expected.insert(name, *module);
                        }
                        (None, None) => prop_assert!(!succeeds && generation.any(&name).is_none(), "a failure leaves nothing"),
                        (Some(_), None) => prop_assert!(false, "{} was lost", name),
                    }
                }
                Step::Share { from, to, name } => {
                    let (from, to) = (age(from, &pinned), age(to, &pinned));
                    if let Some(module) = pinned[from].0.ready(&name) {
                        pinned[to].0.adopt(&name, &module);
                        pinned[to].1.entry(name).or_insert(*module);
                    }
                }
                Step::Publish { renewed, gone } => {
                    let (base, expected) = pinned.last().expect("the current generation is pinned");
                    let (mut modules, mut expected) = (base.modules(), expected.clone());
                    for name in gone {
                        modules.remove_mut(&name);
                        expected.remove(&name);
                    }
                    for name in renewed {
                        let module = Arc::new(made.len());
                        made.push(Arc::downgrade(&module));
                        expected.insert(name.clone(), *module);
                        modules.insert_mut(name, module);
                    }
                    published += 1;
                    pinned.push((Generation::new(published, modules, ()), expected));
                }
                Step::Unpin if pinned.len() > 1 => drop(pinned.remove(0)),
                Step::Unpin => {}
            }
            for (generation, expected) in &pinned {
                let found: HashMap<Name, usize> = generation.modules().iter().map(|(n, m)| (n.clone(), **m)).collect();
                prop_assert_eq!(&found, expected, "generation {}", generation.number);
                for (name, number) in expected {
                    let module = generation.ready(name).expect("it is among the modules");
                    // The object itself and no copy: the number alone would not tell.
                    prop_assert!(made[*number].upgrade().is_some_and(|first| Arc::ptr_eq(&first, &module)));
                }
            }
            for (number, module) in made.iter().enumerate() {
                let is_needed = pinned.iter().any(|(_, expected)| expected.values().any(|n| *n == number));
                prop_assert_eq!(module.upgrade().is_some(), is_needed, "object {}", number);
            }
        }
    }
}
