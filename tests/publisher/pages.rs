//! A site that is served by the publisher.

use crate::support::{Builder, Httpd, Mpm, Response, Site};

/// The lines of a `<Directory>` that the publisher serves. A failure shows in the response.
pub const PUBLISHER: &str = "SetHandler mod_python\nPythonHandler mod_python.publisher\nPythonDebug On";

/// The files of a site, and the httpd that publishes them.
pub struct Pages {
    /// The files.
    pub site: Site,
    /// The server.
    pub httpd: Httpd,
}

impl Pages {
    /// Publishes these files by one child.
    pub fn start(mpm: Mpm, files: &[(&str, &str)]) -> Self {
        Self::start_with(Httpd::builder(mpm).module("dir"), PUBLISHER, files)
    }

    /// Publishes a single module, whose functions are `/NAME`.
    pub fn of_module(mpm: Mpm, code: &str) -> Self {
        Self::start(mpm, &[("index.py", code)])
    }

    /// Publishes these files with a configuration of the test's own making.
    pub fn start_with(builder: Builder, conf: &str, files: &[(&str, &str)]) -> Self {
        let site = Site::with(files);
        let httpd = builder.site(&site, conf).start();
        Self { site, httpd }
    }

    /// Sends a `GET` on a connection of its own.
    #[track_caller]
    pub fn get(&self, target: &str) -> Response {
        self.httpd.get(target)
    }

    /// Asks for a page that answers 200 with this text.
    #[track_caller]
    pub fn expect(&self, target: &str, text: &str) {
        assert_eq!(self.get(target).ok(), text, "{target}");
    }

    /// Asks for a page that answers with this status.
    #[track_caller]
    pub fn refuse(&self, target: &str, status: u16) {
        let response = self.get(target);
        assert_eq!(response.status, status, "{target}: {}", String::from_utf8_lossy(&response.body));
    }

    /// Sends a form in this type and returns the answer.
    #[track_caller]
    pub fn post(&self, target: &str, content_type: &str, body: &[u8]) -> Response {
        let headers = [("Content-Type", content_type)];
        self.httpd.request("POST", target, &headers, Some(body))
    }
}
