//! What a section decides about reloading.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::directive::context::DirectiveContext;
use crate::config::word::Word;
use reload_core::files::archive_names::is_archive_name;

/// `PythonReload`: `sync` or `async`.
pub(super) fn python_reload(scene: &mut DirectiveContext<'_>, arguments: &[&str]) -> Result<(), String> {
    let mode = Word::parse(arguments[0])?;
    scene.settings(|s| s.mode = Some(mode));
    Ok(())
}

/// `PythonReloadOnError`: `last-good` or `fail`.
pub(super) fn python_reload_on_error(scene: &mut DirectiveContext<'_>, arguments: &[&str]) -> Result<(), String> {
    let on_error = Word::parse(arguments[0])?;
    scene.settings(|s| s.on_error = Some(on_error));
    Ok(())
}

/// `PythonReloadConsistency`: `child` or `server`.
pub(super) fn python_reload_consistency(scene: &mut DirectiveContext<'_>, arguments: &[&str]) -> Result<(), String> {
    let consistency = Word::parse(arguments[0])?;
    scene.settings(|s| s.consistency = Some(consistency));
    Ok(())
}

pub(super) fn python_reload_root(scene: &mut DirectiveContext<'_>, arguments: &[&str]) -> Result<(), String> {
    let path = PathBuf::from(arguments[0]);
    let is_archive = || path.is_file() && is_archive_name(&path);
    if !path.is_absolute() || !(path.is_dir() || is_archive()) {
        return Err(format!(
            "`{}` is not a directory that is there: it takes absolute directories, and zip archives by their ending",
            path.display()
        ));
    }
    scene.append(|s| &mut s.roots, arguments[0]);
    Ok(())
}

pub(super) fn python_reload_exclude(scene: &mut DirectiveContext<'_>, arguments: &[&str]) -> Result<(), String> {
    scene.append(|s| &mut s.excludes, arguments[0]);
    Ok(())
}

pub(super) fn python_reload_trust(scene: &mut DirectiveContext<'_>, arguments: &[&str]) -> Result<(), String> {
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
    scene.append(|s| &mut s.trust, word);
    Ok(())
}

pub(super) fn python_reload_timeout(scene: &mut DirectiveContext<'_>, arguments: &[&str]) -> Result<(), String> {
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
