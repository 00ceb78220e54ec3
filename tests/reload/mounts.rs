//! File systems that httpd alone sees mounted.

use std::process::Command;

/// Starts the command that follows after running a script, in a mount namespace of its own.
pub fn mounted(script: &str) -> Vec<String> {
    let script = format!("{script} && exec \"$@\"");
    ["unshare", "--mount", "sh", "-c", &script, "sh"].map(str::to_owned).to_vec()
}

/// Why this machine cannot run the script in a mount namespace; nothing where it can.
pub fn cannot_mount(script: &str) -> Option<String> {
    let words = mounted(script);
    match Command::new(&words[0]).args(&words[1..]).arg("true").output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Some(error.to_string()),
    }
}
