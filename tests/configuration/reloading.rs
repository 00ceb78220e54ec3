//! `PythonAutoReload`.

use crate::{
    show::{CODE, builder, site},
    support::{Save, mpm_tests},
};

mpm_tests! {
    [prefork, event]
    fn auto_reload_off_ignores_edits_until_a_restart(mpm) {
        let site = site();
        let mut httpd = builder(mpm, &site, "PythonHandler shown\nPythonAutoReload Off").start();
        assert_eq!(httpd.get("/").ok(), "shown");
        for how in [Save::InPlace, Save::Rename] {
            site.save(how, "shown.py", CODE.replace("'shown'", "'edited'"));
            for _ in 0..3 {
                assert_eq!(httpd.get("/").ok(), "shown");
            }
        }
        let before = httpd.child_pids();
        httpd.graceful();
        crate::support::wait_for("the first children to be gone", || {
            httpd.child_pids().iter().all(|pid| !before.contains(pid)).then_some(())
        });
        assert_eq!(httpd.get("/").ok(), "edited");
    }

    [prefork, event]
    fn it_is_on_unless_it_is_off(mpm) {
        let site = site();
        site.write("frozen/file", "");
        let httpd = builder(mpm, &site, &format!("PythonHandler shown\n{}", crate::show::path(&site)))
            .directory(&site.path("frozen"), "PythonAutoReload Off")
            .start();
        assert_eq!(httpd.get("/x").ok(), "shown");
        assert_eq!(httpd.get("/frozen/x").ok(), "shown");
        site.write("shown.py", CODE.replace("'shown'", "'edited'"));
        assert_eq!(httpd.get("/x").ok(), "edited");
        assert_eq!(httpd.get("/frozen/x").ok(), "shown");
        assert_eq!(httpd.get("/x").ok(), "edited");
    }
}
