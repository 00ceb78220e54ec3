//! Generations: who loads a module, who waits, and who must not.

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use proptest::prelude::*;

use reload_core::{
    graph::Name,
    graph::generation::{Generation, LoadClaim, ModuleMap},
};

/// How long anything that a test waits for may take: a hang is for ever.
const DEADLINE: Duration = Duration::from_secs(60);

fn name(number: usize) -> Name {
    Name::from(format!("m{number}"))
}

/// Waits as a thread does that holds no lock of Python's.
fn wait<M>(generation: &Generation<M>, name: &Name) -> Option<Arc<M>> {
    generation.wait_for(name, false, |_| panic!("nobody asks who holds no lock"))
}

/// Runs `work` on a thread of its own, and panics if that does not end: a deadlock must fail a test rather than hang it.
fn must_end<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        let _ = sender.send(work());
    });
    match receiver.recv_timeout(DEADLINE) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("a deadlock"),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            std::panic::resume_unwind(thread.join().expect_err("it ended without an answer"))
        }
    }
}

/// A module, which counts how often its body has run to its end.
struct Module {
    number: usize,
    finished: AtomicUsize,
}

/// Modules that import each other by numbers, loaded the way the import system loads them.
struct World {
    generation: Generation<Module>,
    imports: Vec<Vec<usize>>,
    begun: Vec<AtomicUsize>,
}

impl World {
    fn new(imports: Vec<Vec<usize>>) -> Self {
        let begun = imports.iter().map(|_| AtomicUsize::new(0)).collect();
        Self { generation: Generation::new(1, ModuleMap::new_sync(), ()), imports, begun }
    }

    fn import(&self, number: usize) -> Arc<Module> {
        let name = name(number);
        loop {
            match self.generation.claim(&name) {
                Some(LoadClaim::Found(module)) => return module,
                Some(LoadClaim::Yours) => break,
                None => {
                    if let Some(half_loaded) = wait(&self.generation, &name) {
                        return half_loaded;
                    }
                }
            }
        }
        self.begun[number].fetch_add(1, Ordering::SeqCst);
        let module = Arc::new(Module { number, finished: AtomicUsize::new(0) });
        // Other threads get their turn between any two steps.
        thread::yield_now();
        self.generation.begin(&name, module.clone());
        for used in &self.imports[number] {
            thread::yield_now();
            assert_eq!(self.import(*used).number, *used);
        }
        module.finished.fetch_add(1, Ordering::SeqCst);
        self.generation.settle(&name, Some(module.clone()));
        module
    }
}

/// Imports from several threads at once, each beginning at a module of its own.
fn import_all(imports: Vec<Vec<usize>>, roots: Vec<usize>) -> World {
    must_end(move || {
        let world = World::new(imports);
        let barrier = Barrier::new(roots.len());
        thread::scope(|scope| {
            for root in &roots {
                scope.spawn(|| {
                    barrier.wait();
                    world.import(*root);
                });
            }
        });
        world
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any graph of imports, with any cycles, from any threads: no deadlock, and each body runs once.
    #[test]
    fn any_imports_by_any_threads_end(
        imports in (1_usize..8).prop_flat_map(|n| prop::collection::vec(prop::collection::vec(0..n, 0..4), n)),
        starts in prop::collection::vec(any::<prop::sample::Index>(), 2..6),
    ) {
        let roots: Vec<usize> = starts.iter().map(|start| start.index(imports.len())).collect();
        let world = import_all(imports, roots.clone());
        for begun in &world.begun {
            prop_assert!(begun.load(Ordering::SeqCst) <= 1, "a body ran twice");
        }
        for root in roots {
            let module = world.generation.ready(&name(root)).expect("what was imported is there");
            prop_assert_eq!(module.finished.load(Ordering::SeqCst), 1);
        }
        for number in 0..world.begun.len() {
            let is_half_way = world.generation.any(&name(number)).is_some() && world.generation.ready(&name(number)).is_none();
            prop_assert!(!is_half_way, "m{} is left half-way", number);
        }
    }
}

/// Case 60: two threads import in opposite order, many times.
#[test]
fn crossing_imports_do_not_deadlock() {
    for _ in 0..500 {
        let world = import_all(vec![vec![1], vec![0]], vec![0, 1]);
        assert_eq!(world.generation.modules().size(), 2);
    }
    // The same over three corners.
    for _ in 0..500 {
        let world = import_all(vec![vec![1], vec![2], vec![0]], vec![0, 1, 2]);
        assert_eq!(world.generation.modules().size(), 3);
    }
}

/// One thread loads, and all others get the same module when it is done.
#[test]
fn one_loader_for_each_name() {
    must_end(|| {
        let generation: Arc<Generation<usize>> = Arc::new(Generation::new(1, ModuleMap::new_sync(), ()));
        let loads = AtomicUsize::new(0);
        let barrier = Barrier::new(16);
        let modules: Vec<Arc<usize>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|at| {
                    let (generation, loads, barrier) = (&generation, &loads, &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        loop {
                            match generation.claim(&name(0)) {
                                Some(LoadClaim::Found(module)) => return module,
                                Some(LoadClaim::Yours) => {
                                    loads.fetch_add(1, Ordering::SeqCst);
                                    let module = Arc::new(at);
                                    generation.begin(&name(0), module.clone());
                                    thread::yield_now();
                                    generation.settle(&name(0), Some(module));
                                }
                                None => assert!(wait(generation, &name(0)).is_none(), "nothing here is a cycle"),
                            }
                        }
                    })
                })
                .collect();
            threads.into_iter().map(|t| t.join().expect("a thread ends")).collect()
        });
        assert_eq!(loads.load(Ordering::SeqCst), 1);
        assert!(modules.windows(2).all(|pair| Arc::ptr_eq(&pair[0], &pair[1])));
    });
}

/// A body that fails leaves nothing; whoever waited claims the name, and may succeed.
#[test]
fn after_a_failure_another_thread_loads() {
    must_end(|| {
        let generation: Generation<&str> = Generation::new(1, ModuleMap::new_sync(), ());
        let x = Name::from("x");
        assert!(matches!(generation.claim(&x), Some(LoadClaim::Yours)));
        generation.begin(&x, Arc::new("half"));
        assert_eq!(generation.any("x").as_deref(), Some(&"half"));
        assert!(generation.ready("x").is_none());
        thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                loop {
                    match generation.claim(&x) {
                        Some(LoadClaim::Found(found)) => return found,
                        Some(LoadClaim::Yours) => generation.settle(&x, Some(Arc::new("second"))),
                        None => drop(wait(&generation, &x)),
                    }
                }
            });
            generation.settle(&x, None);
            assert_eq!(*waiter.join().expect("the waiter ends"), "second");
        });
    });
}

/// The thread that loads a module gets it half-way when its own imports come back to it; another thread does not.
#[test]
fn only_the_loader_sees_a_module_half_way() {
    let generation: Generation<&str> = Generation::new(1, ModuleMap::new_sync(), ());
    let x = Name::from("x");
    assert!(matches!(generation.claim(&x), Some(LoadClaim::Yours)));
    generation.begin(&x, Arc::new("half"));
    assert!(matches!(generation.claim(&x), Some(LoadClaim::Found(_))));
    assert!(wait(&generation, &x).is_none(), "nobody waits for himself");
    thread::scope(|scope| {
        let other = scope.spawn(|| generation.claim(&x).is_none());
        assert!(other.join().expect("the thread ends"));
    });
    assert!(generation.modules().is_empty());
    assert!(generation.any("x").is_some());
    generation.settle(&x, None);
    assert!(generation.any("x").is_none());
}

/// A module shared from another generation does not take the place of one that is there.
#[test]
fn adopting_never_replaces() {
    let kept = Arc::new("kept");
    let modules = ModuleMap::from_iter([(Name::from("x"), kept.clone())]);
    let generation: Generation<&str> = Generation::new(7, modules, ());
    generation.adopt(&Name::from("x"), &Arc::new("other"));
    generation.adopt(&Name::from("y"), &Arc::new("new"));
    assert!(generation.ready("x").is_some_and(|x| Arc::ptr_eq(&x, &kept)));
    assert_eq!(generation.ready("y").as_deref(), Some(&"new"));
    assert_eq!(generation.number, 7);
}

/// What was added to a generation is told from what it was made with, and its successors share it without getting more.
#[test]
fn additions_are_told_apart() {
    let names = ["a", "b", "c"].map(Name::from);
    let generation: Generation<&str> =
        Generation::new(1, ModuleMap::from_iter([(names[0].clone(), Arc::new("a"))]), ());
    assert_eq!(generation.additions(), 0);
    assert!(matches!(generation.claim(&names[1]), Some(LoadClaim::Yours)));
    assert_eq!(generation.additions(), 0, "it is being loaded");
    generation.settle(&names[1], Some(Arc::new("b")));
    let before = generation.modules();
    generation.adopt(&names[2], &Arc::new("c"));
    generation.adopt(&names[0], &Arc::new("other"));
    assert_eq!(generation.added_since(0), names[1..]);
    assert_eq!(generation.added_since(1), names[2..]);
    assert_eq!((before.size(), generation.modules().size()), (2, 3));
}

/// A thread that holds a lock which the loader waits for gets the module half-way, rather than waiting for ever; one that
/// only seems to, gets the whole.
#[test]
fn a_holder_of_the_lock_that_the_loader_wants_goes_on() {
    must_end(|| {
        let generation: Generation<&str> = Generation::new(1, ModuleMap::new_sync(), ());
        let x = Name::from("x");
        assert!(matches!(generation.claim(&x), Some(LoadClaim::Yours)));
        let loader = thread::current().id();
        generation.begin(&x, Arc::new("half"));
        thread::scope(|scope| {
            let holder = scope.spawn(|| generation.wait_for(&x, true, |owner| owner == loader));
            // Nobody settles: only the suspicion can end the wait.
            assert_eq!(holder.join().expect("the holder ends").as_deref(), Some(&"half"));

            let (sender, asked) = mpsc::channel();
            let (generation, x) = (&generation, &x);
            let other = scope.spawn(move || {
                generation.wait_for(x, true, |_| {
                    let _ = sender.send(());
                    false
                })
            });
            asked.recv_timeout(DEADLINE).expect("it is asked whether the loader waits");
            generation.settle(x, Some(Arc::new("whole")));
            assert!(other.join().expect("the other ends").is_none(), "it is to claim the name again");
        });
        assert_eq!(generation.ready("x").as_deref(), Some(&"whole"));
    });
}
