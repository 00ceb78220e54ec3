//! A handler that shows what the configuration made of a request.

use crate::support::{Builder, Httpd, Mpm, Site};

/// Handlers whose response has their own name and the configuration that they get.
pub const CODE: &str = "
import sys
from mod_python import apache

def _named(name):
    def handler(req):
        req.write('%s %r ' % (name, req.extension), 0)
        return apache.OK
    return handler
a = _named('a')
b = _named('b')
c = _named('c')

def handler(req):
    return show(req)

def show(req):
    value = eval(req.args.replace('+', ' '), globals(), {'req': req}) if req.args else 'shown'
    req.content_type = 'text/plain; charset=utf-8'
    req.write(str(value), 0)
    return apache.OK
";

/// A site with the module `shown.py` in its root.
pub fn site() -> Site {
    Site::with(&[("shown.py", CODE)])
}

/// A line that lets every section find the module.
pub fn path(site: &Site) -> String {
    format!("PythonPath \"['{}'] + sys.path\"", site.root().display())
}

/// The builder of an httpd that serves the site with these lines in its `<Directory>`.
pub fn builder(mpm: Mpm, site: &Site, conf: &str) -> Builder {
    Httpd::builder(mpm).site(site, &format!("SetHandler mod_python\nPythonDebug On\n{conf}"))
}
