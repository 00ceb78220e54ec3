//! Other processes, as the kernel shows them.

/// When a process was started, in the kernel's ticks, which differs from any later process with the same id. None if it is dead; 0
/// where the system has no `/proc`.
pub fn birth(pid: u32) -> Option<u64> {
    if !std::path::Path::new("/proc/self/stat").exists() {
        return is_there(pid).then_some(0);
    }
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses, and may contain some itself. The state is field 3, the time of the start is field 22.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X" | "x") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

fn is_there(pid: u32) -> bool {
    let Ok(pid) = libc::pid_t::try_from(pid) else { return false };
    // SAFETY: signal 0 is never delivered.
    let sent = unsafe { libc::kill(pid, 0) } == 0;
    sent || std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
}
