//! An edit of the demo site, and the end of a run.

use std::fs;

use crate::{
    run::{Run, copy, sources},
    support::{Connection, Site, mpm_tests, wait_for},
};

mpm_tests! {
    [prefork, event]
    fn an_edit_two_imports_away_from_the_page(mpm) {
        let (site, script) = copy();
        let run = Run::start(&script, mpm, &[]);
        assert!(run.get("/").ok().contains("The guest book"));
        let palette = "apache-conf/demo/lib/palette.py";
        let text = fs::read_to_string(site.path(palette)).expect("the file of the demo");
        for title in ["An edited book", "Edited again"] {
            site.write(palette, text.replace("The guest book", title));
            let page = run.get("/");
            assert!(page.ok().contains(title), "{}", page.text());
            assert!(!page.text().contains("The guest book"), "{}", page.text());
        }
        // A broken edit leaves the last good page, in each child that had one, and its repair shows at once.
        site.write(palette, "TITLE = (");
        let broken = run.get("/");
        assert!(broken.status == 200 || broken.text().contains("SyntaxError"), "{}", broken.text());
        site.write(palette, text);
        assert!(run.get("/").ok().contains("The guest book"));
    }

    [prefork, event]
    fn a_directory_of_ones_own(mpm) {
        let site = Site::with(&[
            ("index.py", "from helper import TEXT\ndef index():\n    return TEXT\n"),
            ("helper.py", "TEXT = 'first'\n"),
        ]);
        let directory = site.root().display().to_string();
        let run = Run::start(&sources().join("scripts/run.py"), mpm, &["--site", &directory]);
        assert_eq!(run.get("/").ok(), "first");
        site.write("helper.py", "TEXT = 'second'\n");
        assert_eq!(run.get("/").ok(), "second");
    }

    [prefork, worker, event]
    fn ctrl_c_leaves_nothing_behind(mpm) {
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            let mut run = Run::start(&sources().join("scripts/run.py"), mpm, &[]);
            run.get("/").ok();
            let processes = run.processes();
            assert!(processes.len() >= 3, "the script, httpd and a child: {processes:?}");
            let status = run.end_by(signal);
            assert!(status.success(), "{status}: {:#?}", run.said());
            wait_for("all processes to be gone", || {
                processes.iter().all(|pid| !fs::exists(format!("/proc/{pid}")).unwrap_or(true)).then_some(())
            });
            assert!(Connection::open(run.port()).is_err(), "somebody still listens");
        }
    }
}
