//! The table of directives: every one of mod_python by name, and our own.

use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::phase::Phase;
use crate::config::record::{
    ConfigValue, Consistency, DirConfig, OnError, ReloadMode, Section, ServerConfig, Settings,
};
use crate::config::section::SectionPath;
use crate::config::watching;
use crate::config::{handler_list, process_settings};
use crate::httpd::command::{ArgumentForm, CommandInfo, CommandTable, ConfigLine, Directives};
use crate::httpd::{Pool, sys};
use reload_core::watch::settings::WatchMode;

/// Where a directive may stand.
const SERVER: u32 = sys::RSRC_CONF;
const SECTION: u32 = sys::RSRC_CONF | sys::ACCESS_CONF;
const ANYWHERE: u32 = sys::OR_ALL | sys::RSRC_CONF | sys::ACCESS_CONF;

/// How zip archives are called.
const ARCHIVES: [&str; 4] = ["zip", "egg", "whl", "pyz"];

/// What a directive does with its arguments.
type DirectiveAction = fn(&mut DirectiveContext, &[&str]) -> Result<(), String>;

struct Directive {
    info: CommandInfo,
    action: DirectiveAction,
}

/// The records that a line changes, and where the line stands.
struct DirectiveContext<'a> {
    pool: Pool,
    /// The section's record.
    dir: &'a mut DirConfig,
    /// At server level also the server's own.
    server: Option<&'a mut DirConfig>,
    place: SectionPath,
    is_main_server: bool,
    /// The line is read once, not at every request as in a `.htaccess` file.
    lasts: bool,
}

impl DirectiveContext<'_> {
    fn records(&mut self) -> impl Iterator<Item = &mut DirConfig> {
        std::iter::once(&mut *self.dir).chain(self.server.as_deref_mut())
    }

    fn settings(&mut self, mut change: impl FnMut(&mut Settings)) {
        self.records().for_each(|record| change(&mut record.settings));
    }

    fn sections(&mut self, mut change: impl FnMut(&mut Section)) {
        self.records().for_each(|record| change(record.section_mut()));
    }
}

const fn line(
    name: &'static CStr,
    form: ArgumentForm,
    contexts: u32,
    action: DirectiveAction,
    help: &'static CStr,
) -> Directive {
    Directive { info: CommandInfo { name, form, contexts, help }, action }
}

/// Every directive. Those whose action is `later*` refuse to start httpd, and say so.
const DIRECTIVES: &[Directive] = &[
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
    ),
    line(
        c"PythonOption",
        ArgumentForm::OneOrTwo,
        ANYWHERE,
        python_option,
        c"A key and a value for req.get_options(); a key alone takes it away",
    ),
    line(c"PythonDebug", ArgumentForm::Flag, ANYWHERE, python_debug, c"On to show tracebacks to the client"),
    line(
        c"PythonAutoReload",
        ArgumentForm::Flag,
        ANYWHERE,
        python_auto_reload,
        c"Off to keep running the code as first loaded",
    ),
    line(c"PythonInterpreter", ArgumentForm::One, ANYWHERE, python_interpreter, c"The name of the interpreter to use"),
    line(c"PythonHome", ArgumentForm::One, SERVER, python_home, c"A virtual environment or Python installation"),
    line(c"PythonOptimize", ArgumentForm::Flag, SERVER, python_optimize, c"On to run Python with -OO"),
    line(
        c"PythonReload",
        ArgumentForm::One,
        ANYWHERE,
        python_reload,
        c"sync or async: whether a request waits for edited code",
    ),
    line(
        c"PythonReloadRoot",
        ArgumentForm::Each,
        SECTION,
        python_reload_root,
        c"Directories whose modules are reloaded",
    ),
    line(
        c"PythonReloadExclude",
        ArgumentForm::Each,
        SECTION,
        python_reload_exclude,
        c"Patterns of files that are never reloaded",
    ),
    line(
        c"PythonReloadTrust",
        ArgumentForm::Each,
        SECTION,
        python_reload_trust,
        c"none, all, or directories: which files are run although everyone may write to them",
    ),
    line(
        c"PythonReloadOnError",
        ArgumentForm::One,
        ANYWHERE,
        python_reload_on_error,
        c"last-good or fail: what is served while edited code is broken",
    ),
    line(
        c"PythonReloadConsistency",
        ArgumentForm::One,
        ANYWHERE,
        python_reload_consistency,
        c"child or server: whether a request may get older code than another child has served",
    ),
    line(
        c"PythonReloadTimeout",
        ArgumentForm::One,
        ANYWHERE,
        python_reload_timeout,
        c"Seconds that the bodies of edited modules may run",
    ),
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

fn content_handlers(scene: &mut DirectiveContext, arguments: &[&str]) -> Result<(), String> {
    add_handlers(scene, Phase::Content, arguments)
}

fn add_handlers(scene: &mut DirectiveContext, phase: Phase, arguments: &[&str]) -> Result<(), String> {
    for list in handler_list::parse(arguments[0])?.into_lists(&scene.place, scene.lasts) {
        // The server's own record tells settings and options only, so the list goes into the section alone.
        scene.dir.section_mut().add_handlers(phase, list);
    }
    Ok(())
}

fn python_path(scene: &mut DirectiveContext, arguments: &[&str]) -> Result<(), String> {
    if arguments[0].trim().is_empty() {
        return Err("it is empty: it takes a Python expression, as in \"sys.path + ['/srv/lib']\"".to_owned());
    }
    let held = ConfigValue::new(scene.pool, arguments[0].to_owned(), scene.lasts);
    scene.settings(|s| s.path = Some(held));
    Ok(())
}

fn python_option(scene: &mut DirectiveContext, arguments: &[&str]) -> Result<(), String> {
    let value = arguments.get(1).filter(|v| !v.is_empty()).map(|v| (*v).to_owned());
    scene.sections(|s| s.options.push((arguments[0].to_owned(), value.clone())));
    Ok(())
}

fn is_on(arguments: &[&str]) -> bool {
    arguments[0] == "On"
}

fn python_debug(scene: &mut DirectiveContext, arguments: &[&str]) -> Result<(), String> {
    scene.settings(|s| s.debug = Some(is_on(arguments)));
    Ok(())
}

fn python_auto_reload(scene: &mut DirectiveContext, arguments: &[&str]) -> Result<(), String> {
    scene.settings(|s| s.autoreload = Some(is_on(arguments)));
    Ok(())
}

fn python_interpreter(scene: &mut DirectiveContext, arguments: &[&str]) -> Result<(), String> {
    if arguments[0].is_empty() {
        return Err("it is empty: it takes a name, as in main_interpreter".to_owned());
    }
    let held = ConfigValue::new(scene.pool, arguments[0].to_owned(), scene.lasts);
    scene.settings(|s| s.interpreter = Some(held));
    Ok(())
}

fn only_main(scene: &DirectiveContext) -> Result<(), String> {
    if scene.is_main_server {
        Ok(())
    } else {
        Err("it is set in a virtual host, but it is one for the whole process: set it in the main server".to_owned())
    }
}

fn python_home(scene: &mut DirectiveContext, arguments: &[&str]) -> Result<(), String> {
    only_main(scene)?;
    let path = PathBuf::from(arguments[0]);
    process_settings::check(&path)?;
    process_settings::update(|process| process.home = Some(path));
    Ok(())
}

fn python_optimize(scene: &mut DirectiveContext, arguments: &[&str]) -> Result<(), String> {
    only_main(scene)?;
    process_settings::update(|process| process.optimize = is_on(arguments));
    Ok(())
}

fn python_reload(scene: &mut DirectiveContext, arguments: &[&str]) -> Result<(), String> {
    let mode = match arguments[0].to_ascii_lowercase().as_str() {
        "sync" => ReloadMode::Sync,
        "async" => ReloadMode::Async,
        other => return Err(format!("`{other}` is not a way to reload: it takes sync or async")),
    };
    scene.settings(|s| s.mode = Some(mode));
    Ok(())
}

fn python_reload_root(scene: &mut DirectiveContext, arguments: &[&str]) -> Result<(), String> {
    let path = PathBuf::from(arguments[0]);
    let is_archive = || path.is_file() && path.extension().is_some_and(|e| ARCHIVES.iter().any(|name| e == *name));
    if !path.is_absolute() || !(path.is_dir() || is_archive()) {
        return Err(format!(
            "`{}` is not a directory that is there: it takes absolute directories, and zip archives by their ending",
            path.display()
        ));
    }
    let (pool, lasts) = (scene.pool, scene.lasts);
    scene.settings(|s| append((pool, lasts), &mut s.roots, arguments[0]));
    Ok(())
}

fn python_reload_exclude(scene: &mut DirectiveContext, arguments: &[&str]) -> Result<(), String> {
    let (pool, lasts) = (scene.pool, scene.lasts);
    scene.settings(|s| append((pool, lasts), &mut s.excludes, arguments[0]));
    Ok(())
}

fn python_reload_trust(scene: &mut DirectiveContext, arguments: &[&str]) -> Result<(), String> {
    let word = match arguments[0].to_ascii_lowercase().as_str() {
        "none" | "off" => "none",
        "all" | "on" => "all",
        _ if PathBuf::from(arguments[0]).is_absolute() => arguments[0],
        _ => {
            return Err(format!(
                "`{}` is not to be trusted: it takes none, all, or absolute directories",
                arguments[0]
            ));
        }
    };
    let (pool, lasts) = (scene.pool, scene.lasts);
    scene.settings(|s| append((pool, lasts), &mut s.trust, word));
    Ok(())
}

fn append((pool, lasts): (Pool, bool), list: &mut Option<ConfigValue<Vec<String>>>, value: &str) {
    list.get_or_insert_with(|| ConfigValue::new(pool, Vec::new(), lasts)).get_mut().push(value.to_owned());
}

fn python_reload_on_error(scene: &mut DirectiveContext, arguments: &[&str]) -> Result<(), String> {
    let on_error = match arguments[0].to_ascii_lowercase().as_str() {
        "last-good" => OnError::LastGood,
        "fail" => OnError::Fail,
        other => return Err(format!("`{other}` is not a policy: it takes last-good or fail")),
    };
    scene.settings(|s| s.on_error = Some(on_error));
    Ok(())
}

fn python_reload_consistency(scene: &mut DirectiveContext, arguments: &[&str]) -> Result<(), String> {
    let consistency = match arguments[0].to_ascii_lowercase().as_str() {
        "child" => Consistency::Child,
        "server" => Consistency::Server,
        other => return Err(format!("`{other}` is not a range: it takes child or server")),
    };
    scene.settings(|s| s.consistency = Some(consistency));
    Ok(())
}

fn python_reload_timeout(scene: &mut DirectiveContext, arguments: &[&str]) -> Result<(), String> {
    let wrong =
        || format!("`{}` is not a time: it takes seconds above 0 and up to 3600, as in 10 or 0.5", arguments[0]);
    let seconds: f64 = arguments[0].parse().map_err(|_| wrong())?;
    if !(seconds > 0.0 && seconds <= 3600.0) {
        return Err(wrong());
    }
    let millis = u64::try_from(Duration::from_secs_f64(seconds).as_millis()).unwrap_or(u64::MAX).max(1);
    scene.settings(|s| s.timeout = Some(millis));
    Ok(())
}

fn python_reload_watch(scene: &mut DirectiveContext, arguments: &[&str]) -> Result<(), String> {
    only_main(scene)?;
    let mode = match arguments[0].to_ascii_lowercase().as_str() {
        "auto" => WatchMode::Auto,
        "inotify" => WatchMode::Inotify,
        "stat" => WatchMode::Stat,
        other => return Err(format!("`{other}` is not a way to find changes: it takes auto, inotify or stat")),
    };
    watching::update(|watching| watching.mode = mode);
    Ok(())
}

fn python_reload_interval(scene: &mut DirectiveContext, arguments: &[&str]) -> Result<(), String> {
    only_main(scene)?;
    let seconds = arguments[0].parse().ok().filter(|seconds: &f64| (0.0..=3600.0).contains(seconds));
    let Some(seconds) = seconds else {
        return Err(format!("`{}` is not a time: it takes seconds from 0 to 3600, as in 2 or 0.5", arguments[0]));
    };
    watching::update(|watching| watching.interval = Some(Duration::from_secs_f64(seconds)));
    Ok(())
}

fn python_reload_trigger(scene: &mut DirectiveContext, arguments: &[&str]) -> Result<(), String> {
    only_main(scene)?;
    let path = PathBuf::from(arguments[0]);
    let is_in_a_directory = path.parent().is_some_and(Path::is_dir);
    if !path.is_absolute() || !is_in_a_directory || path.is_dir() {
        return Err(format!(
            "`{}` is not a file in a directory that is there: it takes an absolute path; the file itself need not be there yet",
            arguments[0]
        ));
    }
    watching::update(|watching| watching.trigger = Some(path));
    Ok(())
}

fn later_phase(_: &mut DirectiveContext, _: &[&str]) -> Result<(), String> {
    Err("it is not available yet in this version of mod_python_rs, and httpd does not start as if it were: take the line out".to_owned())
}

fn later_flag(_: &mut DirectiveContext, arguments: &[&str]) -> Result<(), String> {
    if is_on(arguments) {
        return Err(
            "On is not available yet in this version of mod_python_rs: set it Off or take the line out".to_owned()
        );
    }
    Ok(())
}

/// The table, for httpd.
struct Table;

impl Directives for Table {
    type Dir = DirConfig;
    type Server = ServerConfig;

    fn run(
        index: usize,
        line: ConfigLine<'_>,
        arguments: &[&str],
        dir: &mut DirConfig,
        server: Option<&mut ServerConfig>,
    ) -> Result<(), String> {
        let mut scene = DirectiveContext {
            pool: line.pool(),
            dir,
            server: server.map(|server| &mut server.own),
            place: SectionPath::of(line),
            is_main_server: line.is_in_main_server(),
            lasts: line.htaccess().is_none(),
        };
        (DIRECTIVES[index].action)(&mut scene, arguments)
    }
}

/// The table that the module record refers to.
pub static COMMANDS: CommandTable<{ DIRECTIVES.len() + 1 }> = {
    let mut infos = [DIRECTIVES[0].info; DIRECTIVES.len()];
    let mut index = 0;
    while index < infos.len() {
        infos[index] = DIRECTIVES[index].info;
        index += 1;
    }
    CommandTable::of::<Table>(&infos)
};
