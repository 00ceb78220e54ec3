//! Which generation the code on this thread sees: the one its request has pinned, or the one being built.

use std::cell::RefCell;
use std::sync::Arc;

use super::application::Application;
use super::generation::Generation;
use super::graph::Name;
use super::module::Managed;
use super::stage::Stage;

/// A generation, or one in the making.
#[derive(Clone)]
pub enum View {
    /// A published generation.
    Generation(Arc<Generation<Managed>>),
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
}

/// Leaves the view when dropped.
pub struct Entered(());

/// From now on code of the application sees this view on this thread.
pub fn enter(application: &Arc<Application>, view: View) -> Entered {
    FRAMES.with_borrow_mut(|frames| frames.push(Frame { application: application.clone(), view }));
    Entered(())
}

impl Drop for Entered {
    fn drop(&mut self) {
        let frame = FRAMES.with_borrow_mut(Vec::pop);
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

/// The body that runs on this thread now.
pub fn running_body() -> Option<Arc<Managed>> {
    BODIES.with_borrow(|bodies| bodies.last().cloned())
}

/// Ends the body when dropped.
pub struct Body(());

/// A body begins to run on this thread.
pub fn begin_body(module: &Arc<Managed>) -> Body {
    BODIES.with_borrow_mut(|bodies| bodies.push(module.clone()));
    Body(())
}

impl Drop for Body {
    fn drop(&mut self) {
        let body = BODIES.with_borrow_mut(Vec::pop);
        drop(body);
    }
}

impl View {
    /// A module that is there already, or half-way there.
    pub fn any(&self, name: &Name) -> Option<Arc<Managed>> {
        match self {
            Self::Generation(generation) => generation.any(name),
            Self::Stage(stage) => stage.any(name),
        }
    }
}
