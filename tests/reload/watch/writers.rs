//! P1 and P2: a file that is still being written is waited for, so that no build uses half a save.

use std::{
    fs::{self, File, Permissions},
    os::{
        fd::AsRawFd,
        unix::fs::{PermissionsExt, symlink},
    },
    process::Command,
    ptr, slice,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use crate::{
    app::{Answer, App, handler, module},
    support::{mpm_tests, wait_for},
};

mpm_tests! {
    /// P2, P3: a file that was truncated or written to, and not closed, delays itself and everything else that was saved.
    [prefork, event]
    fn a_file_with_a_writer_waits(mpm) {
        let app = App::start(mpm, &[
            ("h.py", &handler("import c, d", "'%d %d' % (c.V, d.V)")),
            ("c.py", "V = 1"),
            ("d.py", "V = 1"),
        ]);
        app.expect("1 1");
        let mut writer = app.site.open("c.py");
        app.edit("d.py", "V = 2");
        app.expect("1 1");
        writer.write("V = 2\n");
        // Another event that marks the file as changed.
        fs::set_permissions(app.site.path("c.py"), Permissions::from_mode(0o664)).expect("the mode is set");
        app.expect("1 1");
        writer.write("this = = is broken");
        app.expect("1 1");
        app.expect_failures(0);
        writer.close();

        // The text is broken, so that the log shows when the engine takes it for complete.
        app.expect("1 1");
        app.expect_failures(1);
        app.edit("c.py", "V = 3");
        app.expect("3 2");
    }

    /// P2: a new file that is open and not yet written is not taken for an empty file.
    [prefork, event]
    fn a_new_file_with_a_writer_waits(mpm) {
        let head = "try:\n    import c\nexcept ImportError:\n    c = None";
        let app = App::start(mpm, &[("h.py", &handler(head, "getattr(c, 'V', 'empty') if c else 'none'"))]);
        app.expect("none");
        let mut writer = app.site.open("c.py");
        app.expect("none");
        writer.write(module("V = 1"));
        app.expect("none");
        writer.close();
        app.expect("1");
    }

    /// P1: a new name for a complete file has no writer and is seen at once.
    [prefork, event]
    fn links_are_complete(mpm) {
        let head = "import importlib\n\
                    def get(name):\n    \
                        try:\n        return importlib.import_module(name).V\n    \
                        except ImportError:\n        return 0";
        let app = App::start(mpm, &[("h.py", &handler(head, "get('a') + get('b')")), ("one.txt", "V = 1")]);
        app.expect("0");
        fs::hard_link(app.site.path("one.txt"), app.site.path("a.py")).expect("a hard link within the site");
        app.expect("1");
        symlink(app.site.path("one.txt"), app.site.path("b.py")).expect("a link within the site");
        app.expect("2");
    }

    /// A program keeps a file open for ever. The file is read when its content holds still.
    [prefork, event]
    fn a_file_that_is_never_closed_is_taken(mpm) {
        let app = App::start(mpm, &[("h.py", &handler("import c", "c.V")), ("c.py", "V = 1")]);
        app.expect("1");
        let mut writer = app.site.open("c.py");
        writer.write(module("V = 2"));
        app.expect("1");
        wait_for("the file to be taken as it is", || (app.ask().value == "2").then_some(()));
        writer.write("V = 3\n");
        app.expect("2");
        writer.close();
        app.expect("3");
    }

    /// P2: saves truncate the file again and again while requests run. No response comes from part of a save.
    [prefork, event]
    fn truncating_saves_are_never_seen_by_halves(mpm) {
        let content = |value: u32| format!("V = {value}\n{}W = {value}\n", "# filler\n".repeat(2_000));
        let head = "import c";
        let value = "'%s %s' % (getattr(c, 'V', None), getattr(c, 'W', None))";
        let app = App::start(mpm, &[("h.py", &handler(head, value)), ("c.py", &content(0))]);
        app.expect("0 0");
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                for value in 1..=1_000 {
                    let content = content(value);
                    let mut writer = app.site.open("c.py");
                    let (first, second) = content.split_at(content.len() / 2);
                    writer.write(first);
                    thread::yield_now();
                    writer.write(second);
                    writer.close();
                }
                is_over.store(true, Ordering::SeqCst);
            });
            let mut connection = app.httpd.connect();
            let mut last = 0;
            while !is_over.load(Ordering::SeqCst) {
                let response = connection.request("GET", "/", &[], None).expect("an answer");
                let answer = Answer::of(&response).value;
                let (first, second) = answer.split_once(' ').expect("two values");
                assert_eq!(first, second, "half of a save was served");
                let value: u32 = first.parse().expect("a whole save has its value");
                assert!(value >= last, "{value} was served after {last}");
                last = value;
            }
        });
        app.expect("1000 1000");
        app.expect_failures(0);
    }

    /// The first load of a file that is being written waits for the writer.
    [prefork, event]
    fn a_first_load_waits_for_the_writer(mpm) {
        let head = "import importlib\ndef get(name):\n    return importlib.import_module(name).V";
        let app = App::start(mpm, &[("h.py", &handler(head, "'nothing late'"))]);
        app.expect("nothing late");
        let attempt = |number: u32| {
            let name = format!("late{number}");
            let expression = format!("get('{name}')");
            app.edit("h.py", &handler(head, &expression));
            let mut writer = app.site.open(&format!("{name}.py"));
            writer.write("U = 1\n");
            let mut connection = app.httpd.connect();
            connection.send_request("GET", "/", &[("Connection", "close")], None).expect("the request is sent");
            writer.write("V = 'whole'\n");
            writer.close();
            connection.read_response(false).expect("an answer").status == 200
        };
        // Under load the writer may take longer than the server waits.
        assert!((0..5).any(attempt), "{}", app.httpd.log());
        assert_eq!(app.ask().value, "whole");
    }

    /// `dd conv=notrunc` writes over part of a file.
    [prefork, event]
    fn p1_dd_without_truncating_is_seen(mpm) {
        let app = App::start(mpm, &[("h.py", &handler("import c", "c.V")), ("c.py", "V = 1")]);
        app.expect("1");
        app.site.write("patch", "V = 2");
        let output = Command::new("dd")
            .arg(format!("if={}", app.site.path("patch").display()))
            .arg(format!("of={}", app.site.path("c.py").display()))
            .args(["conv=notrunc", "status=none"])
            .output()
            .expect("dd runs");
        assert!(output.status.success(), "{output:?}");
        app.expect("2");
    }

    /// The kernel reports no event for a write through a memory map.
    [prefork, event]
    fn p1_a_write_through_a_memory_map_is_found(mpm) {
        let app = App::start(mpm, &[("h.py", &handler("import c", "c.V")), ("c.py", "V = 1")]);
        app.expect("1");
        let file = File::options().read(true).write(true).open(app.site.path("c.py")).expect("the file is opened");
        let length = usize::try_from(file.metadata().expect("it has a length").len()).expect("a short file");
        // SAFETY: a fresh mapping of a file that stays this long while it is used; unmapped below.
        unsafe {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let map = libc::mmap(ptr::null_mut(), length, protection, libc::MAP_SHARED, file.as_raw_fd(), 0);
            assert_ne!(map, libc::MAP_FAILED);
            drop(file);
            // This request makes the engine read the event of the close. The write below causes no event.
            app.expect("1");
            slice::from_raw_parts_mut(map.cast::<u8>(), length)[4] = b'2';
            libc::msync(map, length, libc::MS_SYNC);
            wait_for("the sweep to see the write", || (app.ask().value == "2").then_some(()));
            libc::munmap(map, length);
        }
    }
}
