//! What the code on this thread sees: an application, and one view of its modules. The view is the generation that a request has
//! pinned, or the one that a build makes.

use std::cell::RefCell;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;

use crate::reload::application::parts::change::Resolved;
use crate::reload::application::pinned_generation::PinnedGeneration;
use crate::reload::application::state::Application;
use crate::reload::module::effects::BuildEffects;
use crate::reload::module::managed::Managed;
use crate::reload::module::origin::Origin;
use crate::reload::module::origin::Resolution;
use crate::reload::module::prefetch::Prefetched;
use crate::reload::module::snapshot::Snapshot;
use reload_core::files::fingerprint::Content;
use reload_core::graph::Name;
use reload_core::resolve::search_path::Search;

/// A module that a view does not have yet, as it is to be made.
pub struct ModuleSpec<'a> {
    /// The dotted name.
    pub name: &'a Name,
    /// What it is made from.
    pub origin: &'a Origin,
    /// Its package, if it is in one.
    pub package: Option<&'a Arc<Managed>>,
}

/// One consistent set of an application's modules, and how the set gets one that it lacks.
///
/// A published generation implements this by loading the module late, a stage by making it for the generation under construction.
/// There is no third implementation. A caller never asks which of the two it has, but for [`is_published`](View::is_published).
///
/// ```text
/// request:  import util  ->  view.ready("util")   ->  the generation's module
/// build:    import util  ->  view.obtain("util")  ->  runs the edited body; nothing else sees it before it is published
/// ```
pub trait View: Send + Sync {
    /// The number of the generation, also of one that is not published yet.
    fn number(&self) -> u64;

    /// The search path of the view.
    fn search(&self) -> &Search;

    /// Whether the view is a published generation.
    fn is_published(&self) -> bool;

    /// The view itself, if it is a published generation.
    fn published(self: Arc<Self>) -> Option<Arc<Snapshot>>;

    /// What the build that owns the view adds beside modules; `None` in a published generation.
    fn effects(&self) -> Option<&Arc<BuildEffects>> {
        None
    }

    /// A module whose body has begun to run.
    fn any(&self, name: &Name) -> Option<Arc<Managed>>;

    /// A module that an import gets without loading it. May wait for another thread, and is detached while it does.
    fn ready(&self, py: Python<'_>, name: &Name) -> Option<Arc<Managed>>;

    /// Makes a module that the view lacks; or returns it, if another import has made it in the meantime.
    ///
    /// # Errors
    /// What the module's body raises.
    fn obtain(&self, py: Python<'_>, application: &Arc<Application>, spec: &ModuleSpec<'_>) -> PyResult<Arc<Managed>>;

    /// What the view itself knows a name to stand for, whatever the application has found out since.
    fn resolve_known(&self, name: &Name) -> Option<Resolution>;

    /// What the application remembers a name to stand for, if that holds in this view. `directories` is where the name is looked
    /// for, if it is the name of a submodule.
    fn recall(&self, application: &Application, name: &Name, directories: Option<&[PathBuf]>) -> Option<Resolution>;

    /// Remembers what a name was found to stand for: in the view, or in the application where that holds for others as well.
    fn remember(&self, application: &Application, name: &Name, resolved: Resolved);

    /// What the view knows of a module that it has not loaded.
    fn prefetched(&self, name: &Name) -> Option<Prefetched>;

    /// The content that a build has read for a changed name, or why it could not be read.
    fn content(&self, name: &Name) -> Option<Result<Content, Arc<io::Error>>>;

    /// An import has found out that a name or its package has failed, or that nothing managed stands behind it.
    fn note_missing(&self, _: Python<'_>, _name: &Name) {}

    /// An import has put a submodule into its package's namespace under the last part of its name.
    fn note_bound(&self, _package: &Arc<Managed>, _tail: &str) {}
}

/// An application, and what is seen of its modules: all that an import needs to know beside the name.
///
/// ```text
/// let context = Context::of(application);         // what this thread has entered, else the current generation
/// let module = context.find(py, &name)?;          // as `import name` does
/// let resolution = context.resolve(py, &name, &Parent::Nothing)?;
/// ```
#[derive(Clone)]
pub struct Context {
    /// The application.
    pub application: Arc<Application>,
    /// What is seen of its modules.
    pub view: Arc<dyn View>,
}

thread_local! {
    static ENTERED: RefCell<Vec<Context>> = const { RefCell::new(Vec::new()) };
}

impl Context {
    /// What an application sees on this thread: the view entered last, else its current generation.
    pub fn of(application: Arc<Application>) -> Self {
        let entered = ENTERED.with_borrow(|all| {
            all.iter().rev().find(|c| Arc::ptr_eq(&c.application, &application)).map(|c| c.view.clone())
        });
        let view = entered.unwrap_or_else(|| application.current());
        Self { application, view }
    }

    /// What is known of a name in this view, without looking it up.
    pub(in crate::reload) fn known(&self, name: &Name) -> Option<Resolution> {
        known(&*self.view, &self.application, name)
    }

    /// The context that this thread has entered last.
    pub fn innermost() -> Option<Self> {
        ENTERED.with_borrow(|all| all.last().cloned())
    }

    /// Until the returned guard is dropped, code of the application sees this view on this thread.
    pub fn enter(self) -> EnteredContext {
        if self.view.is_published() {
            self.application.begin_use();
        }
        ENTERED.with_borrow_mut(|all| all.push(self));
        EnteredContext(())
    }

    /// The application with the generation that is seen, if that is published.
    pub fn pinned(self) -> Option<PinnedGeneration> {
        let Self { application, view } = self;
        view.published().map(|generation| PinnedGeneration { application, generation })
    }
}

/// What is known of a name in a view, without looking it up. A build knows names of which the application learns when the build is
/// published.
pub(in crate::reload) fn known(view: &dyn View, application: &Application, name: &Name) -> Option<Resolution> {
    view.resolve_known(name).or_else(|| view.recall(application, name, None))
}

/// Leaves the context when dropped.
pub struct EnteredContext(());

impl Drop for EnteredContext {
    fn drop(&mut self) {
        let left = ENTERED.with_borrow_mut(Vec::pop);
        if let Some(context) = &left
            && context.view.is_published()
        {
            context.application.end_use();
        }
        drop(left);
    }
}

impl PinnedGeneration {
    /// What a request that has pinned the generation sees.
    pub fn context(&self) -> Context {
        Context { application: self.application.clone(), view: self.generation.clone() }
    }
}
