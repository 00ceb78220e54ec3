//! State that outlives a generation: `mod_python.reload.carry`.

use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::reload::application::Application;
use crate::reload::application::view::Context;
use crate::reload::lifecycle::hooks;
use crate::reload::module::carried::{CarryKey, CarrySlot, SlotContent, Slots, States};
use crate::reload::module::effects::BuildEffects;
use crate::reload::module::managed;
use crate::reload::module::origin::Resolution;
use os::single_flight::{Maker, WaitsFor};
use os::{Condvar, Mutex, static_map};

/// How long a thread waits for the factory of another thread before it returns to Python, where a time limit can end the wait.
const TURN: Duration = Duration::from_millis(100);

/// Which thread waits for which slot. A slot's content may be locked while this is.
static WAITING: Mutex<WaitsFor<Arc<CarrySlot>>> = Mutex::new(WaitsFor::new());

/// The state of code that is not managed: that runs once in a child, so this is like a variable of its module.
static UNMANAGED: States = States(Mutex::new(Slots(static_map())));

/// Forgets the state of modules that are neither loaded any more nor on disk. Must be called attached.
pub(in crate::reload) fn sweep(application: &Application) {
    let mut modules = application.states.modules();
    let current = application.current();
    modules.retain(|module| {
        current.any(module).is_none() && !matches!(application.known(module), Some(Resolution::Managed(_)))
    });
    if modules.is_empty() {
        return;
    }
    for record in managed::living() {
        if record.application.is(application) {
            modules.remove(&record.name);
        }
    }
    application.states.forget_modules(&modules);
}

enum CarryClaim {
    Kept(Py<PyAny>),
    Yours(Arc<CarrySlot>),
    Busy(Arc<CarrySlot>),
}

/// The calling code, which decides where its state is kept.
struct CarryCaller {
    key: CarryKey,
    execution: u64,
    draft: Option<Arc<BuildEffects>>,
    application: Option<Arc<Application>>,
}

impl CarryCaller {
    fn of(globals: &Bound<'_, PyDict>, name: &str) -> PyResult<Self> {
        let Some(execution) = hooks::caller(globals)? else {
            let module: String = globals.get_item("__name__")?.map_or(Ok(String::new()), |module| module.extract())?;
            return Ok(Self { key: (module.into(), name.into()), execution: 0, draft: None, application: None });
        };
        let application = execution.application.get::<Application>();
        // State that is made during a build belongs to the build, even where a function of an unchanged module asks for it.
        let draft = execution.life.draft().or_else(|| Context::of(application.clone()?).view.effects().cloned());
        Ok(Self { key: (execution.name.clone(), name.into()), execution: execution.sequence, draft, application })
    }

    fn states(&self) -> &States {
        self.application.as_ref().map_or(&UNMANAGED, |application| &application.states)
    }

    fn claim(&self, py: Python<'_>) -> CarryClaim {
        let in_draft = self.draft.as_ref().and_then(|draft| {
            draft.with_states(|slots| {
                let known = self.look(py, slots).or_else(|| self.look(py, &self.states().0.lock()));
                known.unwrap_or_else(|| self.begin(slots))
            })
        });
        in_draft.unwrap_or_else(|| {
            let mut slots = self.states().0.lock();
            self.look(py, &slots).unwrap_or_else(|| self.begin(&mut slots))
        })
    }

    fn look(&self, py: Python<'_>, slots: &Slots) -> Option<CarryClaim> {
        let slot = slots.0.get(&self.key)?;
        match &*slot.content.lock() {
            SlotContent::Kept(object) => Some(CarryClaim::Kept(object.clone_ref(py))),
            // A copy of the child does not have the thread that makes the object, so it is made again.
            SlotContent::Making(maker) if maker.is_gone() => None,
            SlotContent::Making(_) => Some(CarryClaim::Busy(slot.clone())),
            SlotContent::Failed => None,
        }
    }

    fn begin(&self, slots: &mut Slots) -> CarryClaim {
        let slot = Arc::new(CarrySlot {
            creator: self.execution,
            content: Mutex::new(SlotContent::Making(Maker::me())),
            settled: Condvar::new(),
        });
        slots.0.insert(self.key.clone(), slot.clone());
        CarryClaim::Yours(slot)
    }
}

/// Removes the slot unless the factory succeeds.
struct Making<'a> {
    place: &'a CarryCaller,
    slot: &'a Arc<CarrySlot>,
}

impl Making<'_> {
    fn settle(&self, content: SlotContent) {
        *self.slot.content.lock() = content;
        self.slot.settled.notify_all();
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        if !matches!(*self.slot.content.lock(), SlotContent::Making(_)) {
            return;
        }
        let CarryCaller { key, draft, .. } = self.place;
        let in_draft = draft.as_ref().and_then(|draft| draft.with_states(|slots| slots.take(key, self.slot)));
        // If the build was published meanwhile, the slot has moved to the application.
        let in_states = self.place.states().0.lock().take(key, self.slot);
        self.settle(SlotContent::Failed);
        drop((in_draft, in_states));
    }
}

/// The state that the calling code asks for, made by the factory if there is none. `None` if another thread makes it: the
/// caller asks again.
///
/// # Errors
/// What the factory raises; `RuntimeError` for factories that wait for each other; as [`hooks::caller`].
pub(in crate::reload) fn carry<'py>(
    py: Python<'py>,
    globals: &Bound<'py, PyDict>,
    name: &str,
    factory: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let place = CarryCaller::of(globals, name)?;
    match place.claim(py) {
        CarryClaim::Kept(object) => Ok(Some(object.into_bound(py))),
        CarryClaim::Yours(slot) => {
            let making = Making { place: &place, slot: &slot };
            let made = factory.call0()?;
            making.settle(SlotContent::Kept(made.clone().unbind()));
            Ok(Some(made))
        }
        CarryClaim::Busy(slot) => {
            if !begin_to_wait(&slot) {
                return Err(PyRuntimeError::new_err(format!(
                    "carry: the factory of '{name}' of module '{}' waits for itself",
                    place.key.0
                )));
            }
            py.detach(|| {
                let content = slot.content.lock();
                if matches!(*content, SlotContent::Making(_)) {
                    drop(slot.settled.wait_timeout(content, TURN));
                }
            });
            let waited_for = WAITING.lock().remove();
            drop(waited_for);
            Ok(None)
        }
    }
}

/// Whether the calling thread may wait for the slot; if so, this is noted. It may not if that would be a deadlock: the maker of the
/// slot waits, directly or through other threads, for a slot that the calling thread makes.
fn begin_to_wait(slot: &Arc<CarrySlot>) -> bool {
    let mut waiting = WAITING.lock();
    let may_wait = !slot.maker().is_some_and(|maker| waiting.leads_back(maker, |slot| slot.maker()));
    if may_wait {
        waiting.add(slot.clone());
    }
    may_wait
}
