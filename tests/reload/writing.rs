//! Files that are not complete yet: nothing is built of half a save, in one file or in several.

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
    /// P2 and P3: a file that was truncated or written to and not closed is waited for, with everything else that was saved.
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
        // Something else that marks the file as changed.
        fs::set_permissions(app.site.path("c.py"), Permissions::from_mode(0o664)).expect("the mode is set");
        app.expect("1 1");
        writer.write("this = = is broken");
        app.expect("1 1");
        assert!(app.failures().is_empty(), "{:#?}", app.failures());
        writer.close();

        // What was written is broken, so that the end of the writing is seen in the log.
        app.expect("1 1");
        assert_eq!(app.failures().len(), 1, "{:#?}", app.failures());
        app.edit("c.py", "V = 3");
        app.expect("3 2");
    }

    /// P2: a new file that is made and not written yet is not taken for an empty one.
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

    /// P1: a new name for a complete file has no writer, and is seen at once.
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

    /// A program may write a file and keep it open for ever: what it holds is taken when it holds still.
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

    /// P2: saves that truncate, one after another, while requests go on. No response is made of a part of one.
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
        assert!(app.failures().is_empty(), "{:#?}", app.failures());
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
        // Under load the writer itself may be later than the server's patience.
        assert!((0..5).any(attempt), "{}", app.httpd.log());
        assert_eq!(app.ask().value, "whole");
    }

    /// Case 40: `dd conv=notrunc` writes over a part of a file.
    [prefork, event]
    fn case_40_dd_without_truncating(mpm) {
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

    /// Case 40: a write through a memory map, of which the kernel tells nobody.
    [prefork, event]
    fn case_40_write_through_a_memory_map(mpm) {
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
            // The close was announced. Once it has been taken in nothing more will be.
            app.expect("1");
            slice::from_raw_parts_mut(map.cast::<u8>(), length)[4] = b'2';
            libc::msync(map, length, libc::MS_SYNC);
            wait_for("the sweep to see the write", || (app.ask().value == "2").then_some(()));
            libc::munmap(map, length);
        }
    }
}
