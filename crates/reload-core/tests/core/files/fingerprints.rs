//! What a file is.

use std::{
    ffi::CString,
    fs,
    io::ErrorKind,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant, SystemTime},
};

use reload_core::files::fingerprint::{Content, Stat, hash_of};

/// How long anything that a test waits for may take.
const DEADLINE: Duration = Duration::from_secs(30);

fn take(path: &Path) -> Stat {
    Stat::take(path).expect("the file is there")
}

/// Waits until the file is old enough for its stat to be a proof.
fn settled(path: &Path) -> Stat {
    let begun = Instant::now();
    loop {
        let stat = take(path);
        if stat.proves(&stat) {
            return stat;
        }
        assert!(begun.elapsed() < DEADLINE, "a file's stat never proves anything");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The racy rule: a stat from the moment of a change proves nothing, not even against itself; later it does.
#[test]
fn a_young_stat_proves_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory is made");
    let path = directory.path().join("x.py");
    // A date in the future is young for as long as it lies there, however slow this machine is.
    fs::write(&path, "V = 1").expect("the file is written");
    let file = fs::File::options().write(true).open(&path).expect("the file is opened");
    file.set_modified(SystemTime::now() + Duration::from_secs(3600)).expect("its date is set");
    let young = take(&path);
    assert!(!young.proves(&young));
    file.set_modified(SystemTime::now() - Duration::from_secs(3600)).expect("its date is set");
    let old = settled(&path);
    assert!(old.proves(&take(&path)));
    assert!(!young.proves(&old));
}

/// Cases 32, 33 and 37: each part of a stat counts, also where the date is as before.
#[test]
fn every_difference_is_seen() {
    let directory = tempfile::tempdir().expect("a temporary directory is made");
    let path = directory.path().join("x.py");
    fs::write(&path, "V = 1").expect("the file is written");
    let before = settled(&path);
    let mtime = fs::metadata(&path).and_then(|m| m.modified()).expect("the file has a date");
    let restore = || {
        let file = fs::File::options().write(true).open(&path).expect("the file is opened");
        file.set_modified(mtime).expect("its date is set");
    };

    fs::write(&path, "V = 2").expect("the file is written");
    restore();
    let same_size = settled(&path);
    assert!(!before.proves(&same_size), "another content of the same size under the same date");

    let beside = directory.path().join("y.py");
    fs::write(&beside, "V = 2").expect("the file is written");
    fs::rename(&beside, &path).expect("a rename in a directory");
    restore();
    assert!(!same_size.proves(&settled(&path)), "another inode");
}

/// The hash tells content from content, and is the same for a text that is no file.
#[test]
fn the_hash_is_of_the_bytes() {
    let directory = tempfile::tempdir().expect("a temporary directory is made");
    let path = directory.path().join("x.py");
    fs::write(&path, "V = 1").expect("the file is written");
    let first = Content::read(&path).expect("the file is read");
    assert_eq!(&*first.bytes, b"V = 1");
    assert_eq!(first.hash, hash_of("V = 1"));
    fs::write(&path, "V = 2").expect("the file is written");
    let second = Content::read(&path).expect("the file is read");
    assert_ne!(first.hash, second.hash);
    fs::write(&path, "").expect("the file is emptied");
    assert!(Content::read(&path).expect("an empty file is read").bytes.is_empty());
}

/// A FIFO without a writer, a directory, a link to nowhere and a device are refused at once.
#[test]
fn what_is_no_file_is_refused_without_waiting() {
    let directory = tempfile::tempdir().expect("a temporary directory is made");
    let fifo = directory.path().join("fifo.py");
    let name = CString::new(fifo.as_os_str().as_bytes()).expect("a path has no NUL");
    // SAFETY: the name is a string with an end.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o644) }, 0);
    let link = directory.path().join("link.py");
    std::os::unix::fs::symlink("nowhere.py", &link).expect("a link is made");
    let kind = |path: &Path| Content::read(path).expect_err("it is refused").kind();
    assert_eq!(kind(&fifo), ErrorKind::InvalidInput);
    assert_eq!(kind(directory.path()), ErrorKind::InvalidInput);
    assert_eq!(kind(Path::new("/dev/zero")), ErrorKind::InvalidInput);
    assert_eq!(kind(&link), ErrorKind::NotFound);
}

/// A file that may not be read is refused.
#[test]
fn what_cannot_be_read_is_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory is made");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("its mode is set");
    let path = directory.path().join("x.py");
    fs::write(&path, "V = 1").expect("the file is written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("its mode is set");
    let kind = thread::spawn(move || {
        // Root may read everything; the file system takes this thread alone for somebody else.
        // SAFETY: takes a number; without the right to change it does nothing.
        unsafe { libc::setfsuid(65_534) };
        Content::read(&path).map(|content| content.bytes).map_err(|error| error.kind())
    });
    assert_eq!(kind.join().expect("the thread ends"), Err(ErrorKind::PermissionDenied));
}

/// A writer that truncates and writes again: what is read is a beginning of one content, or its stat claims to prove nothing.
#[test]
fn a_truncating_writer_is_not_believed() {
    const SIZE: usize = 200_000;
    let directory = tempfile::tempdir().expect("a temporary directory is made");
    let path = directory.path().join("x.py");
    let contents = [vec![b'a'; SIZE], vec![b'b'; SIZE]];
    fs::write(&path, &contents[0]).expect("the file is written");
    let stop = AtomicBool::new(false);
    let mut read = 0;
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut rounds = 0_usize;
            while !stop.load(Ordering::Relaxed) {
                rounds += 1;
                fs::write(&path, &contents[rounds % 2]).expect("the file is written");
            }
            rounds
        });
        for _ in 0..2_000 {
            match Content::read(&path) {
                Ok(content) => {
                    read += 1;
                    let is_whole = content.bytes.windows(2).all(|pair| pair[0] == pair[1]);
                    let is_doubted = !content.stat.proves(&content.stat);
                    if !is_whole && !is_doubted {
                        stop.store(true, Ordering::Relaxed);
                        panic!("a mixture of two contents was taken for the truth");
                    }
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
            }
        }
        stop.store(true, Ordering::Relaxed);
        let rounds = writer.join().expect("the writer ends");
        let last = Content::read(&path).expect("a file at rest is read");
        assert_eq!(*last.bytes, *contents[rounds % 2]);
    });
    assert!(read > 0, "nothing was ever read");
}
