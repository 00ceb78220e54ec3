//! Processes as /proc shows them, and signals to those that the harness started.

use std::{fs, io, os::unix::process::CommandExt, process::Command};

/// A process id, as libc spells it.
pub type Pid = i32;

/// Whether the tests run as root, so that httpd changes its user.
pub fn is_root() -> bool {
    // SAFETY: geteuid has no preconditions and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// The unprivileged user that httpd's children become when the tests run as root: its name, uid and gid.
pub fn unprivileged_user() -> (String, u32, u32) {
    let passwd = fs::read_to_string("/etc/passwd").expect("/etc/passwd is readable");
    ["www-data", "apache", "nobody"]
        .iter()
        .find_map(|wanted| {
            let line = passwd.lines().find(|line| line.split(':').next() == Some(wanted))?;
            let mut ids = line.split(':').skip(2).map(|id| id.parse().ok());
            Some(((*wanted).to_owned(), ids.next()??, ids.next()??))
        })
        .expect("one of the users www-data, apache and nobody exists")
}

/// Lets `command` run as an ordinary user, also where the tests run as root.
pub fn drop_privileges(command: &mut Command) {
    if is_root() {
        let (_, uid, gid) = unprivileged_user();
        command.uid(uid).gid(gid);
    }
}

/// Sends `signal` to the process `pid`.
pub fn signal(pid: Pid, signal: i32) -> io::Result<()> {
    assert!(pid > 1, "{pid} is no process that a test started");
    // SAFETY: kill takes plain integers; the assertion rules out the special targets 0, -1 and init.
    match unsafe { libc::kill(pid, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Kills the processes of the group `group` that are left.
pub fn kill_group(group: Pid) {
    assert!(group > 1, "{group} is no process group that a test started");
    if members(Field::Group, group).is_empty() {
        return;
    }
    // SAFETY: kill takes plain integers; the group is one that the harness made for its own httpd.
    unsafe { libc::kill(-group, libc::SIGKILL) };
}

/// The live children of `parent`, in ascending order.
pub fn children_of(parent: Pid) -> Vec<Pid> {
    members(Field::Parent, parent)
}

/// The memory of a process that is in RAM, in KiB.
pub fn resident_kib(pid: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process is alive");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("/proc tells the memory");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number of KiB")
}

/// The threads of a process and how often each was scheduled. `None` where a thread runs or is ready to run.
fn rest_of(pid: Pid) -> Option<Vec<(String, String)>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let path = entry.ok()?.path();
        let status = fs::read_to_string(path.join("status")).ok()?;
        let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        if !value("State:")?.starts_with('S') {
            return None;
        }
        threads.push((path.display().to_string(), value("voluntary_ctxt_switches:")?.to_owned()));
    }
    threads.sort();
    Some(threads)
}

/// Whether all threads of these processes sleep, and none ran between two samples.
pub fn at_rest(pids: &[Pid]) -> bool {
    let look = || pids.iter().map(|pid| rest_of(*pid)).collect::<Option<Vec<_>>>();
    look().is_some_and(|first| look() == Some(first))
}

/// The live processes of a group, in ascending order.
pub fn group_members(group: Pid) -> Vec<Pid> {
    members(Field::Group, group)
}

/// A column of /proc/PID/stat, counted from the state, which is column 0.
#[derive(Clone, Copy)]
enum Field {
    Parent = 1,
    Group = 2,
}

/// The processes whose `field` is `value`, without zombies.
fn members(field: Field, value: Pid) -> Vec<Pid> {
    let mut found: Vec<Pid> = fs::read_dir("/proc")
        .expect("/proc is mounted")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid: &Pid| {
            // A process may end between the listing and the reading.
            let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
                return false;
            };
            // The command stands in parentheses and may itself hold spaces and parentheses.
            let columns: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
            columns.first() != Some(&"Z")
                && columns.get(field as usize).and_then(|text| text.parse().ok()) == Some(value)
        })
        .collect();
    found.sort_unstable();
    found
}
