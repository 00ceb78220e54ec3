//! Sections of every kind, virtual hosts and .htaccess.

use crate::{
    show::{CODE, builder, path, site},
    support::{Httpd, Site, mpm_tests},
};

mpm_tests! {
    [prefork, event]
    fn htaccess(mpm) {
        let site = Site::new();
        site.write("app/.htaccess", "SetHandler mod_python\nPythonHandler shown\nPythonOption key inner\n");
        site.write("app/shown.py", CODE);
        site.write("app/deep/file", "");
        site.write("closed/.htaccess", "PythonHandler shown\n");
        let httpd = Httpd::builder(mpm)
            .site(&site, "AllowOverride FileInfo\nPythonOption key outer\nPythonOption other kept")
            .directory(&site.path("closed"), "AllowOverride None")
            .start();
        let directory = format!("{}/", site.path("app").display());
        for target in ["/app/x", "/app/deep/x"] {
            assert_eq!(httpd.get(&format!("{target}?req.hlist.directory")).ok(), directory);
            assert_eq!(
                httpd.get(&format!("{target}?sorted(req.get_options().items())")).ok(),
                "[('key', 'inner'), ('other', 'kept')]"
            );
        }
        assert_eq!(httpd.get("/closed/x").status, 404);

        // The file is read at every request.
        site.write("app/.htaccess", "SetHandler mod_python\nPythonHandler shown::a\n");
        assert_eq!(httpd.get("/app/x").ok(), "a '' ");
    }

    [prefork, event]
    fn a_location_keeps_filename_and_path_info(mpm) {
        let site = site();
        site.write("dir/file.txt", "text");
        let location = format!(
            "<Location /dir>\nSetHandler mod_python\nPythonHandler shown\nPythonDebug On\n{}\n</Location>",
            path(&site)
        );
        let httpd = Httpd::builder(mpm).site(&site, "PythonOption from directory").conf(&location).start();
        let ask = |target: &str| httpd.get(target).ok().to_owned();
        let root = site.root().display().to_string();
        assert_eq!(ask("/dir/file.txt/more?req.filename,req.path_info"), format!("('{root}/dir/file.txt', '/more')"));
        assert_eq!(ask("/dir/none/more?req.filename,req.path_info"), format!("('{root}/dir/none', '/more')"));
        assert_eq!(ask("/dir/file.txt?req.finfo.size"), "4");
        assert_eq!(ask("/dir/x?req.hlist.directory,req.hlist.is_location"), "(None, True)");
        assert_eq!(ask("/dir/x?dict(req.get_options())"), "{'from': 'directory'}");
        assert!(!httpd.log().contains("Module bug"), "{}", httpd.log());
    }

    [prefork, event]
    fn a_location_that_is_no_file(mpm) {
        let site = site();
        let conf = format!(
            "<Location /virtual>\nSetHandler mod_python\nPythonHandler shown\n{0}\n</Location>\n\
             <LocationMatch \"^/match/[0-9]+$\">\nSetHandler mod_python\nPythonHandler shown::b\n{0}\n</LocationMatch>",
            path(&site)
        );
        let httpd = Httpd::builder(mpm).site(&site, "").conf(&conf).start();
        assert_eq!(httpd.get("/virtual/a/b").ok(), "shown");
        assert_eq!(httpd.get("/virtual").ok(), "shown");
        assert_eq!(httpd.get("/match/12").ok(), "b '' ");
        assert_eq!(httpd.get("/match/x").status, 404);
    }

    [prefork, event]
    fn files_sections(mpm) {
        let site = site();
        site.write("plain.css", "css");
        let conf = "PythonHandler shown::a\n<Files special>\nPythonHandler shown::b\nPythonOption key files\n</Files>\n\
                    <Files told>\nPythonHandler shown\n</Files>\n\
                    <FilesMatch \"\\.css$\">\nSetHandler default-handler\n</FilesMatch>";
        let httpd = builder(mpm, &site, conf).start();
        assert_eq!(httpd.get("/other").ok(), "a '' ");
        assert_eq!(httpd.get("/special").ok(), "b '' ");
        let directory = format!("{}/", site.root().display());
        assert_eq!(httpd.get("/told?req.hlist.directory").ok(), directory);
        assert_eq!(httpd.get("/plain.css").ok(), "css");
    }

    [prefork, event]
    fn virtual_hosts(mpm) {
        let site = site();
        let lines = |name: &str| {
            format!(
                "<VirtualHost *:*>\nServerName {name}.example\nDocumentRoot \"{}\"\nPythonOption host {name}\nPythonOption {name} only\n\
                 <Location />\nRequire all granted\n</Location>\n</VirtualHost>\n",
                site.root().display()
            )
        };
        let conf = format!("PythonOption host main\nPythonOption shared yes\n{}{}", lines("one"), lines("two"));
        let httpd = builder(mpm, &site, "PythonHandler shown").conf(&conf).start();
        let ask = |host: &str, expression: &str| {
            httpd.request("GET", &format!("/?{expression}"), &[("Host", host)], None).ok().to_owned()
        };
        for name in ["one", "two"] {
            let host = format!("{name}.example");
            assert_eq!(ask(&host, "req.interpreter,apache.interpreter"), format!("('{host}', 'main_interpreter')"));
            assert_eq!(ask(&host, "req.server.server_hostname,req.server.is_virtual"), format!("('{host}', 1)"));
            assert_eq!(
                ask(&host, "req.get_options()['host'],req.get_options()['shared']"),
                format!("('{name}', 'yes')")
            );
            assert_eq!(ask(&host, &format!("len(req.get_options()),req.get_options()['{name}']")), "(3, 'only')");
            assert_eq!(
                ask(&host, "sorted(apache.main_server.get_options().items())"),
                "[('host', 'main'), ('shared', 'yes')]"
            );
        }
        // Each name has its own copies of an application's modules.
        ask("one.example", "globals().__setitem__('mark','one')");
        assert_eq!(ask("one.example", "mark"), "one");
        assert_eq!(ask("two.example", "globals().get('mark')"), "None");
    }

    [prefork, event]
    fn directories_with_patterns(mpm) {
        let site = site();
        site.write("v1/app/file", "");
        site.write("v1/app/shown.py", CODE);
        site.write("v2/app/file", "");
        site.write("v2/app/shown.py", CODE.replace("'shown'", "'second'"));
        let root = site.root().display();
        let conf = format!(
            "<Directory \"{root}/*/app\">\nSetHandler mod_python\nPythonHandler shown\nPythonDebug On\n</Directory>\n\
             <DirectoryMatch \"^{root}/x[0-9]\">\nSetHandler mod_python\nPythonHandler shown\n</DirectoryMatch>\n\
             <Directory ~ \"^{root}/y[0-9]\">\nSetHandler mod_python\nPythonHandler shown\n</Directory>"
        );
        site.write("x1/deep/file", "");
        site.write("x1/shown.py", CODE);
        site.write("y2/deep/file", "");
        site.write("y2/shown.py", CODE);
        let httpd = Httpd::builder(mpm).site(&site, "").conf(&conf).start();
        assert_eq!(httpd.get("/v1/app/file?req.hlist.directory").ok(), format!("{root}/v1/app/"));
        assert_eq!(httpd.get("/v2/app/file?req.hlist.directory").ok(), format!("{root}/v2/app/"));
        assert_eq!(httpd.get("/v1/app/file").ok(), "shown");
        assert_eq!(httpd.get("/v2/app/file").ok(), "second");
        assert_eq!(httpd.get("/x1/deep/file?req.hlist.directory").ok(), format!("{root}/x1/"));
        assert_eq!(httpd.get("/y2/deep/file?req.hlist.directory").ok(), format!("{root}/y2/"));
    }

    [prefork, event]
    fn the_server_level(mpm) {
        let site = site();
        let conf = format!("SetHandler mod_python\nPythonHandler shown\nPythonDebug On\n{}", path(&site));
        let httpd = Httpd::builder(mpm).conf(&conf).site(&site, "").start();
        assert_eq!(httpd.get("/?req.hlist.directory,req.hlist.is_location").ok(), "(None, False)");
    }
}
