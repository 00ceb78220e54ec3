//! `get_basic_auth_pw`.

use crate::support::{Httpd, Response, Served, mpm_tests};

const CODE: &str = "
def page(req):
    eq(req.user, None)
    password = req.get_basic_auth_pw()
    req.content_type = 'text/plain; charset=utf-8'
    req.write('%s / %s' % (req.user, password), 0)
";

fn ask(served: &Served, authorization: &str) -> Response {
    served.httpd.request("GET", "/page", &[("Authorization", authorization)], None)
}

mpm_tests! {
    [prefork, event]
    fn user_and_password(mpm) {
        let builder = Httpd::builder(mpm).module("authn_core");
        let served = Served::start_with(builder, "AuthType Basic\nAuthName realm\nRequire all granted", CODE);
        assert_eq!(ask(&served, "Basic dXNlcjpwYTpzcw==").ok(), "user / pa:ss");
        assert_eq!(ask(&served, "Basic dXNlcjo=").ok(), "user / ");
        // Latin-1: "Jörg:é", then UTF-8: "é:€".
        assert_eq!(ask(&served, "Basic SvZyZzrp").ok(), "J\u{f6}rg / \u{e9}");
        assert_eq!(ask(&served, "Basic w6k64oKs").ok(), "\u{e9} / \u{20ac}");
        for other in ["Bearer token", "Digest username=\"x\""] {
            assert_eq!(ask(&served, other).ok(), "None / None", "{other}");
        }
        assert_eq!(served.get("/page").ok(), "None / None");
    }

    [prefork, event]
    fn without_auth_type_there_is_none(mpm) {
        let served = Served::start(mpm, CODE);
        assert_eq!(ask(&served, "Basic dXNlcjpwYTpzcw==").ok(), "None / None");
    }
}
