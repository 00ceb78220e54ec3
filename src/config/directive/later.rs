//! Directives of mod_python that are not available yet.

use crate::config::directive::basics::is_on;
use crate::config::directive::context::DirectiveContext;

pub(super) fn later_phase(_: &mut DirectiveContext<'_>, _: &[&str]) -> Result<(), String> {
    Err("it is not available yet in this version of mod_python_rs, and httpd does not start as if it were: take the line out".to_owned())
}

pub(super) fn later_flag(_: &mut DirectiveContext<'_>, arguments: &[&str]) -> Result<(), String> {
    if is_on(arguments) {
        return Err(
            "On is not available yet in this version of mod_python_rs: set it Off or take the line out".to_owned()
        );
    }
    Ok(())
}
