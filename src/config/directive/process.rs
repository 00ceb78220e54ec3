//! What is decided once for the whole process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::directive::basics::is_on;
use crate::config::directive::context::DirectiveContext;
use crate::config::word::Word;
use crate::config::{process_settings, watching};

pub(super) fn python_home(scene: &mut DirectiveContext<'_>, arguments: &[&str]) -> Result<(), String> {
    scene.only_main()?;
    let path = PathBuf::from(arguments[0]);
    process_settings::check(&path)?;
    process_settings::update(|process| process.home = Some(path));
    Ok(())
}

pub(super) fn python_optimize(scene: &mut DirectiveContext<'_>, arguments: &[&str]) -> Result<(), String> {
    scene.only_main()?;
    process_settings::update(|process| process.optimize = is_on(arguments));
    Ok(())
}

pub(super) fn python_reload_watch(scene: &mut DirectiveContext<'_>, arguments: &[&str]) -> Result<(), String> {
    scene.only_main()?;
    let mode = Word::parse(arguments[0])?;
    watching::update(|watching| watching.mode = mode);
    Ok(())
}

pub(super) fn python_reload_interval(scene: &mut DirectiveContext<'_>, arguments: &[&str]) -> Result<(), String> {
    scene.only_main()?;
    let seconds = arguments[0].parse().ok().filter(|seconds: &f64| (0.0..=3600.0).contains(seconds));
    let Some(seconds) = seconds else {
        return Err(format!("`{}` is not a time: it takes seconds from 0 to 3600, as in 2 or 0.5", arguments[0]));
    };
    watching::update(|watching| watching.interval = Some(Duration::from_secs_f64(seconds)));
    Ok(())
}

pub(super) fn python_reload_trigger(scene: &mut DirectiveContext<'_>, arguments: &[&str]) -> Result<(), String> {
    scene.only_main()?;
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
