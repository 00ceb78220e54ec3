//! Many requests at once to children that have not loaded any module yet.

use std::{sync::Barrier, thread};

use crate::support::{Httpd, Mpm, Site, mpm_tests};

/// How many clients begin at the same moment.
const CLIENTS: usize = 48;

/// Modules whose bodies take a moment, with an import inside a function and a cycle.
const FILES: [(&str, &str); 6] = [
    (
        "index.py",
        "import helper\nfrom package import part\ndef index():\n    import late\n    return '%d %d %d' % (helper.V, part.V, late.V)\n",
    ),
    ("helper.py", "import time\nimport package.other\ntime.sleep(0.05)\nV = 1\n"),
    ("late.py", "import time\ntime.sleep(0.05)\nV = 3\n"),
    ("package/__init__.py", "import time\ntime.sleep(0.05)\n"),
    ("package/part.py", "from . import other\nV = 2\n"),
    ("package/other.py", "import decimal, json, xml.dom.minidom\nfrom . import part\n"),
];

/// The same as a handler of its own.
const HANDLER: &str = "
from mod_python import apache
import index
def handler(req):
    req.write(index.index(), 0)
    return apache.OK
";

/// Sends the first requests of an httpd's life, all at once.
fn rush(httpd: &Httpd) {
    let barrier = Barrier::new(CLIENTS);
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut connection = httpd.connect();
                barrier.wait();
                let response = connection.request("GET", "/", &[("Connection", "close")], None);
                assert_eq!(response.expect("an answer").ok(), "1 2 3");
            });
        }
    });
}

fn start(mpm: Mpm, site: &Site, handler: &str) -> Httpd {
    let builder =
        if mpm.threaded() { Httpd::builder(mpm).children(2).threads(24) } else { Httpd::builder(mpm).children(8) };
    builder.site(site, &format!("SetHandler mod_python\nPythonHandler {handler}")).start()
}

mpm_tests! {
    [prefork, worker, event]
    fn of_a_handler(mpm) {
        let site = Site::with(&FILES);
        site.write("own.py", HANDLER);
        for _ in 0..3 {
            rush(&start(mpm, &site, "own"));
        }
    }

    [prefork, worker, event]
    fn of_the_publisher(mpm) {
        let site = Site::with(&FILES);
        for _ in 0..3 {
            rush(&start(mpm, &site, "mod_python.publisher"));
        }
    }
}
