//! A handler module whose functions a test requests by name.

use super::{
    builder::Builder,
    client::{Connection, Response},
    httpd::Httpd,
    installation::Mpm,
    site::Site,
};

/// The head of every module. `handler` passes `/NAME/...` to the function `NAME`, whose `None` counts as OK.
const PRELUDE: &str = "
import os, sys, threading, types
from mod_python import apache

def handler(req):
    result = globals()[req.uri.split('/')[1]](req)
    return apache.OK if result is None else result

def eq(value, expected):
    assert value == expected, '%r is not %r' % (value, expected)

def raises(kind, function, *arguments, **keywords):
    try:
        result = function(*arguments, **keywords)
    except kind as error:
        return error
    raise AssertionError('no %s, but %r' % (kind.__name__, result))

def passed(req):
    req.content_type = 'text/plain'
    req.write('passed', 0)
";

/// The file that holds the module, and its name in the configuration.
pub const MODULE: &str = "tested.py";

/// An httpd with one handler module, and the site that it lies in.
#[derive(Debug)]
pub struct Served {
    /// The files.
    pub site: Site,
    /// The server.
    pub httpd: Httpd,
}

impl Served {
    /// Serves the functions of `code` by one child. A failed assertion of theirs shows in the response.
    pub fn start(mpm: Mpm, code: &str) -> Self {
        Self::start_with(Httpd::builder(mpm), "", code)
    }

    /// The same with more lines in the site's `<Directory>`, and with the test's own builder.
    pub fn start_with(builder: Builder, conf: &str, code: &str) -> Self {
        let site = Site::new();
        Self::start_on(site, builder, conf, code)
    }

    /// The same on a site that holds more files.
    pub fn start_on(site: Site, builder: Builder, conf: &str, code: &str) -> Self {
        site.write(MODULE, module(code));
        let conf = format!("SetHandler mod_python\nPythonHandler tested\nPythonDebug On\n{conf}");
        let httpd = builder.site(&site, &conf).start();
        Self { site, httpd }
    }

    /// Sends a `GET` on a connection of its own.
    #[track_caller]
    pub fn get(&self, target: &str) -> Response {
        self.httpd.get(target)
    }

    /// Sends a `POST` with this body on a connection of its own.
    #[track_caller]
    pub fn post(&self, target: &str, body: &[u8]) -> Response {
        self.httpd.request("POST", target, &[], Some(body))
    }

    /// Opens a connection.
    #[track_caller]
    pub fn connect(&self) -> Connection {
        self.httpd.connect()
    }

    /// Requests a function that checks something and then writes `passed`.
    #[track_caller]
    pub fn check(&self, target: &str) {
        assert_eq!(self.get(target).ok(), "passed");
    }
}

/// The text of a module with these functions.
pub fn module(code: &str) -> String {
    format!("{PRELUDE}\n{code}\n")
}
