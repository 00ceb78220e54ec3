//! Handlers, the module search path, options and flags.

use crate::config::directive::context::DirectiveContext;
use crate::config::handler_list;
use crate::config::phase::Phase;
use crate::config::record::ConfigValue;

pub(super) fn content_handlers(scene: &mut DirectiveContext<'_>, arguments: &[&str]) -> Result<(), String> {
    add_handlers(scene, Phase::Content, arguments)
}

fn add_handlers(scene: &mut DirectiveContext<'_>, phase: Phase, arguments: &[&str]) -> Result<(), String> {
    for list in handler_list::parse(arguments[0])?.into_lists(&scene.place, scene.lasts) {
        // The server's own record tells settings and options only, so the list goes into the section alone.
        scene.dir.section_mut().add_handlers(phase, list);
    }
    Ok(())
}

pub(super) fn python_path(scene: &mut DirectiveContext<'_>, arguments: &[&str]) -> Result<(), String> {
    if arguments[0].trim().is_empty() {
        return Err("it is empty: it takes a Python expression, as in \"sys.path + ['/srv/lib']\"".to_owned());
    }
    let held = ConfigValue::new(scene.pool, arguments[0].to_owned(), scene.lasts);
    scene.settings(|s| s.path = Some(held));
    Ok(())
}

pub(super) fn python_option(scene: &mut DirectiveContext<'_>, arguments: &[&str]) -> Result<(), String> {
    let value = arguments.get(1).filter(|v| !v.is_empty()).map(|v| (*v).to_owned());
    scene.sections(|s| s.options.push((arguments[0].to_owned(), value.clone())));
    Ok(())
}

pub(super) fn python_debug(scene: &mut DirectiveContext<'_>, arguments: &[&str]) -> Result<(), String> {
    scene.settings(|s| s.debug = Some(is_on(arguments)));
    Ok(())
}

pub(super) fn python_auto_reload(scene: &mut DirectiveContext<'_>, arguments: &[&str]) -> Result<(), String> {
    scene.settings(|s| s.autoreload = Some(is_on(arguments)));
    Ok(())
}

pub(super) fn python_interpreter(scene: &mut DirectiveContext<'_>, arguments: &[&str]) -> Result<(), String> {
    if arguments[0].is_empty() {
        return Err("it is empty: it takes a name, as in main_interpreter".to_owned());
    }
    let held = ConfigValue::new(scene.pool, arguments[0].to_owned(), scene.lasts);
    scene.settings(|s| s.interpreter = Some(held));
    Ok(())
}

/// Whether a flag is on.
pub(super) fn is_on(arguments: &[&str]) -> bool {
    arguments[0] == "On"
}
