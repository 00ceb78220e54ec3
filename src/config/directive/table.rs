//! The table of directives: every one of mod_python by name, and our own.

use std::ffi::CStr;

use crate::config::directive::basics::*;
use crate::config::directive::later::{later_flag, later_phase};
use crate::config::directive::process::*;
use crate::config::directive::reloading::*;
use crate::config::directive::{Directive, DirectiveAction};
use crate::config::phase::Phase;
use crate::config::record::{ConfigValue, Settings};
use crate::config::word::Word;
use crate::httpd::command::{ArgumentForm, CommandInfo};
use crate::httpd::sys;

/// Where a directive may stand.
const SERVER: u32 = sys::RSRC_CONF;
const SECTION: u32 = sys::RSRC_CONF | sys::ACCESS_CONF;
const ANYWHERE: u32 = sys::OR_ALL | sys::RSRC_CONF | sys::ACCESS_CONF;

const fn line(
    name: &'static CStr,
    form: ArgumentForm,
    contexts: u32,
    action: DirectiveAction,
    help: &'static CStr,
) -> Directive {
    Directive { info: CommandInfo { name, form, contexts, help }, action, show: None }
}

impl Directive {
    /// The directive with how its setting is shown.
    const fn shown(mut self, show: fn(&Settings) -> Option<String>) -> Self {
        self.show = Some(show);
        self
    }
}

/// Every directive. Those whose action is `later*` refuse to start httpd, and say so.
pub(super) const DIRECTIVES: &[Directive] = &[
    line(
        Phase::Content.directive(),
        ArgumentForm::Raw,
        ANYWHERE,
        content_handlers,
        c"Handlers that answer requests: MODULE[::OBJECT] ... [| .EXT ...]",
    ),
    line(
        c"PythonPath",
        ArgumentForm::One,
        ANYWHERE,
        python_path,
        c"A Python expression whose value is the module search path",
    )
    .shown(|s| s.path.map(|path| path.get().clone())),
    line(
        c"PythonOption",
        ArgumentForm::OneOrTwo,
        ANYWHERE,
        python_option,
        c"A key and a value for req.get_options(); a key alone takes it away",
    ),
    line(c"PythonDebug", ArgumentForm::Flag, ANYWHERE, python_debug, c"On to show tracebacks to the client")
        .shown(|s| s.debug.map(flag)),
    line(
        c"PythonAutoReload",
        ArgumentForm::Flag,
        ANYWHERE,
        python_auto_reload,
        c"Off to keep running the code as first loaded",
    )
    .shown(|s| s.autoreload.map(flag)),
    line(c"PythonInterpreter", ArgumentForm::One, ANYWHERE, python_interpreter, c"The name of the interpreter to use")
        .shown(|s| s.interpreter.map(|name| name.get().clone())),
    line(c"PythonHome", ArgumentForm::One, SERVER, python_home, c"A virtual environment or Python installation"),
    line(c"PythonOptimize", ArgumentForm::Flag, SERVER, python_optimize, c"On to run Python with -OO"),
    line(
        c"PythonReload",
        ArgumentForm::One,
        ANYWHERE,
        python_reload,
        c"sync or async: whether a request waits for edited code",
    )
    .shown(|s| s.mode.map(Word::word)),
    line(
        c"PythonReloadRoot",
        ArgumentForm::Each,
        SECTION,
        python_reload_root,
        c"Directories whose modules are reloaded",
    )
    .shown(|s| s.roots.map(joined)),
    line(
        c"PythonReloadExclude",
        ArgumentForm::Each,
        SECTION,
        python_reload_exclude,
        c"Patterns of files that are never reloaded",
    )
    .shown(|s| s.excludes.map(joined)),
    line(
        c"PythonReloadTrust",
        ArgumentForm::Each,
        SECTION,
        python_reload_trust,
        c"none, all, or directories: which files are run although everyone may write to them",
    )
    .shown(|s| s.trust.map(joined)),
    line(
        c"PythonReloadOnError",
        ArgumentForm::One,
        ANYWHERE,
        python_reload_on_error,
        c"last-good or fail: what is served while edited code is broken",
    )
    .shown(|s| s.on_error.map(Word::word)),
    line(
        c"PythonReloadConsistency",
        ArgumentForm::One,
        ANYWHERE,
        python_reload_consistency,
        c"child or server: whether a request may get older code than another child has served",
    )
    .shown(|s| s.consistency.map(Word::word)),
    line(
        c"PythonReloadTimeout",
        ArgumentForm::One,
        ANYWHERE,
        python_reload_timeout,
        c"Seconds that the bodies of edited modules may run",
    )
    .shown(|s| s.timeout.map(seconds)),
    line(
        c"PythonReloadWatch",
        ArgumentForm::One,
        SERVER,
        python_reload_watch,
        c"auto, inotify or stat: how changes of files are found",
    ),
    line(
        c"PythonReloadInterval",
        ArgumentForm::One,
        SERVER,
        python_reload_interval,
        c"Seconds after which files are looked at for changes that nothing announces",
    ),
    line(
        c"PythonReloadTrigger",
        ArgumentForm::One,
        SERVER,
        python_reload_trigger,
        c"A file: when it is touched, every child loads all its modules again",
    ),
    line(c"PythonPostReadRequestHandler", ArgumentForm::Raw, SERVER, later_phase, c"Not available yet"),
    line(c"PythonTransHandler", ArgumentForm::Raw, SERVER, later_phase, c"Not available yet"),
    line(c"PythonInitHandler", ArgumentForm::Raw, ANYWHERE, later_phase, c"Not available yet"),
    line(c"PythonHeaderParserHandler", ArgumentForm::Raw, ANYWHERE, later_phase, c"Not available yet"),
    line(c"PythonAccessHandler", ArgumentForm::Raw, ANYWHERE, later_phase, c"Not available yet"),
    line(c"PythonAuthenHandler", ArgumentForm::Raw, ANYWHERE, later_phase, c"Not available yet"),
    line(c"PythonAuthzHandler", ArgumentForm::Raw, ANYWHERE, later_phase, c"Not available yet"),
    line(c"PythonTypeHandler", ArgumentForm::Raw, ANYWHERE, later_phase, c"Not available yet"),
    line(c"PythonFixupHandler", ArgumentForm::Raw, ANYWHERE, later_phase, c"Not available yet"),
    line(c"PythonLogHandler", ArgumentForm::Raw, ANYWHERE, later_phase, c"Not available yet"),
    line(c"PythonCleanupHandler", ArgumentForm::Raw, ANYWHERE, later_phase, c"Not available yet"),
    line(c"PythonHandlerModule", ArgumentForm::Raw, ANYWHERE, later_phase, c"Not available yet"),
    line(c"PythonConnectionHandler", ArgumentForm::Raw, SERVER, later_phase, c"Not available yet"),
    line(c"PythonInputFilter", ArgumentForm::OneOrTwo, SECTION, later_phase, c"Not available yet"),
    line(c"PythonOutputFilter", ArgumentForm::OneOrTwo, SECTION, later_phase, c"Not available yet"),
    line(c"PythonImport", ArgumentForm::Two, SERVER, later_phase, c"Not available yet"),
    line(c"PythonInterpPerDirectory", ArgumentForm::Flag, ANYWHERE, later_flag, c"Not available yet"),
    line(c"PythonInterpPerDirective", ArgumentForm::Flag, ANYWHERE, later_flag, c"Not available yet"),
    line(c"PythonEnablePdb", ArgumentForm::Flag, ANYWHERE, later_flag, c"Not available yet"),
];

fn flag(on: bool) -> String {
    if on { "1" } else { "0" }.to_owned()
}

fn joined(list: ConfigValue<Vec<String>>) -> String {
    list.get().join(" ")
}

/// Milliseconds as the directive takes them: whole seconds, or a fraction.
fn seconds(millis: u64) -> String {
    if millis.is_multiple_of(1000) {
        (millis / 1000).to_string()
    } else {
        format!("{}.{:03}", millis / 1000, millis % 1000)
    }
}
