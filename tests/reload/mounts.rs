//! File systems that only httpd sees mounted.

use std::{
    ffi::CString,
    fs::File,
    io,
    os::{fd::AsRawFd, unix::process::CommandExt},
    process::Command,
    ptr,
};

use crate::support::is_root;

/// The words that run a script in its own mount namespace, and then the command that follows them. An ordinary user may mount
/// only where a user namespace of that user owns the mount namespace.
pub fn mounted(script: &str) -> Vec<String> {
    let script = format!("{script} && exec \"$@\"");
    let user: &[&str] = if is_root() { &[] } else { &["--user", "--map-current-user", "--keep-caps"] };
    let words = [&["unshare"], user, &["--mount", "sh", "-c", &script, "sh"]].concat();
    words.into_iter().map(str::to_owned).collect()
}

/// The reason why this machine cannot run the script in a mount namespace, or `None` where it can.
pub fn cannot_mount(script: &str) -> Option<String> {
    let words = mounted(script);
    match Command::new(&words[0]).args(&words[1..]).arg("true").output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Some(error.to_string()),
    }
}

/// Unmounts what lies over `place` in the mount namespace of the process `pid`.
pub fn unmount(pid: i32, place: &str) {
    let place = text(place);
    // SAFETY: umount2 reads one string, which the closure owns.
    within(pid, move || unsafe { libc::umount2(place.as_ptr(), 0) });
}

/// Mounts the directory `source` over `place` in the mount namespace of the process `pid`.
pub fn bind(pid: i32, source: &str, place: &str) {
    let (source, place) = (text(source), text(place));
    // SAFETY: a bind mount reads two strings, which the closure owns, and ignores the null pointers.
    within(pid, move || unsafe {
        libc::mount(source.as_ptr(), place.as_ptr(), ptr::null(), libc::MS_BIND, ptr::null())
    });
}

fn text(path: &str) -> CString {
    CString::new(path).expect("a path without NUL")
}

/// Makes a system call in the namespaces of the process `pid`. It is made between fork and exec, as exec takes the capabilities
/// of the user namespace away from an ordinary user's process.
fn within(pid: i32, call: impl Fn() -> i32 + Send + Sync + 'static) {
    let open = |name: &str| File::open(format!("/proc/{pid}/ns/{name}")).expect("the process has namespaces");
    let user = (!is_root()).then(|| (open("user"), libc::CLONE_NEWUSER));
    let namespaces: Vec<(File, i32)> = user.into_iter().chain([(open("mnt"), libc::CLONE_NEWNS)]).collect();
    let check = |result: i32| if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
    let mut command = Command::new("true");
    // SAFETY: the closure only makes system calls, which are safe after fork, on descriptors and strings that it owns.
    unsafe {
        command.pre_exec(move || {
            for (namespace, kind) in &namespaces {
                check(libc::setns(namespace.as_raw_fd(), *kind))?;
            }
            check(call())
        });
    }
    assert!(command.status().expect("the call succeeds").success());
}
