//! Which generation the code on this thread sees: the one its request has pinned, or the one being built.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Weak};
use std::thread::ThreadId;

use crate::reload::Snapshot;
use crate::reload::application::Application;
use crate::reload::build::staging::Stage;
use crate::reload::module::Managed;
use os::{Mutex, StaticMap, static_map};
use reload_core::graph::Name;
use reload_core::resolve::search_path::Search;

/// A generation, or one in the making.
#[derive(Clone)]
pub enum View {
    /// A published generation.
    Generation(Arc<Snapshot>),
    /// A generation that this thread builds.
    Stage(Arc<Stage>),
}

struct Frame {
    application: Arc<Application>,
    view: View,
}

thread_local! {
    static FRAMES: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
    static BODIES: RefCell<Vec<Arc<Managed>>> = const { RefCell::new(Vec::new()) };
    static IN_BODY: Cell<bool> = const { Cell::new(false) };
    static HELPED: RefCell<Weak<Managed>> = const { RefCell::new(Weak::new()) };
}

/// Leaves the view when dropped.
pub struct Entered(());

/// From now on code of the application sees this view on this thread.
pub fn enter(application: &Arc<Application>, view: View) -> Entered {
    if matches!(view, View::Generation(_)) {
        application.begin_use();
    }
    FRAMES.with_borrow_mut(|frames| frames.push(Frame { application: application.clone(), view }));
    Entered(())
}

impl Drop for Entered {
    fn drop(&mut self) {
        let frame = FRAMES.with_borrow_mut(Vec::pop);
        if let Some(Frame { application, view: View::Generation(_) }) = &frame {
            application.end_use();
        }
        drop(frame);
    }
}

/// The innermost application and what it sees here.
pub fn innermost() -> Option<(Arc<Application>, View)> {
    FRAMES.with_borrow(|frames| frames.last().map(|f| (f.application.clone(), f.view.clone())))
}

/// What an application sees on this thread; its current generation where nothing was entered.
pub fn view_of(application: &Arc<Application>) -> View {
    FRAMES
        .with_borrow(|frames| {
            frames.iter().rev().find(|f| Arc::ptr_eq(&f.application, application)).map(|f| f.view.clone())
        })
        .unwrap_or_else(|| View::Generation(application.current()))
}

thread_local! {
    static OUTSIDE: Cell<u32> = const { Cell::new(0) };
}

/// Threads that run a managed body and are inside Python's own import, where they may wait for a lock of importlib.
static OWNERS_OUTSIDE: Mutex<StaticMap<ThreadId, u32>> = Mutex::new(static_map());

/// Runs an import of Python's own. Whether threads are inside one tells those that wait for a managed module that the wait may
/// have no end: importlib's locks and ours do not know of each other.
pub fn outside<R>(import: impl FnOnce() -> R) -> R {
    struct Inside(Option<ThreadId>);
    impl Drop for Inside {
        fn drop(&mut self) {
            OUTSIDE.set(OUTSIDE.get() - 1);
            let Some(thread) = &self.0 else { return };
            let mut owners = OWNERS_OUTSIDE.lock();
            if let Some(depth) = owners.get_mut(thread) {
                *depth -= 1;
                if *depth == 0 {
                    owners.remove(thread);
                }
            }
        }
    }
    OUTSIDE.set(OUTSIDE.get() + 1);
    let owner = BODIES.with_borrow(|bodies| !bodies.is_empty()).then(|| std::thread::current().id());
    if let Some(thread) = owner {
        *OWNERS_OUTSIDE.lock().entry(thread).or_default() += 1;
    }
    let _inside = Inside(owner);
    let _left = leave_body();
    import()
}

/// Whether this thread is inside Python's own import.
pub fn is_outside() -> bool {
    OUTSIDE.get() > 0
}

/// Whether a thread that runs a managed body is inside Python's own import.
pub fn is_owner_outside(thread: ThreadId) -> bool {
    OWNERS_OUTSIDE.lock().contains_key(&thread)
}

/// The body that runs on this thread now.
pub fn running_body() -> Option<Arc<Managed>> {
    BODIES.with_borrow(|bodies| bodies.last().cloned())
}

/// The body for which this thread reads now: its own, or the one that has started it and has not come to its end yet.
pub fn reading_body() -> Option<Arc<Managed>> {
    let helped = || HELPED.with_borrow(Weak::upgrade).filter(|body| !body.has_run());
    is_in_body().then(|| running_body().or_else(helped)).flatten()
}

/// Until the answer is dropped, what this thread reads counts for a body that runs on another one.
pub fn help(body: Weak<Managed>) -> BodyMark {
    HELPED.set(body);
    BodyMark(IN_BODY.replace(true))
}

/// Whether what this thread does now is done by a managed body: not by the engine, nor by an unmanaged module that is imported.
pub fn is_in_body() -> bool {
    IN_BODY.get()
}

/// Takes back what was said about being in a body when dropped.
pub struct BodyMark(bool);

impl Drop for BodyMark {
    fn drop(&mut self) {
        IN_BODY.set(self.0);
    }
}

/// What this thread does until the answer is dropped is not the running body's doing.
pub fn leave_body() -> BodyMark {
    BodyMark(IN_BODY.replace(false))
}

/// Ends the body when dropped.
pub struct RunningBody {
    _before: BodyMark,
}

/// A body begins to run on this thread.
pub fn begin_body(module: &Arc<Managed>) -> RunningBody {
    BODIES.with_borrow_mut(|bodies| bodies.push(module.clone()));
    RunningBody { _before: BodyMark(IN_BODY.replace(true)) }
}

impl Drop for RunningBody {
    fn drop(&mut self) {
        let body = BODIES.with_borrow_mut(Vec::pop);
        drop(body);
    }
}

impl View {
    /// Where names are looked for.
    pub fn search(&self) -> Search {
        match self {
            Self::Generation(generation) => generation.sources.search.clone(),
            Self::Stage(stage) => stage.search().clone(),
        }
    }

    /// A module that is there already, or half-way there.
    pub fn any(&self, name: &Name) -> Option<Arc<Managed>> {
        match self {
            Self::Generation(generation) => generation.any(name),
            Self::Stage(stage) => stage.any(name),
        }
    }
}
