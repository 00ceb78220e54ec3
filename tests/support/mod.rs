//! The harness of the integration tests: a real httpd, a client that sees every byte, and a site to edit.
//!
//! A test writes a [`Site`], starts an [`Httpd`] over it and asks with [`Httpd::get`] or a [`Connection`].
//! Everything started is stopped when the [`Httpd`] is dropped, also while a test panics; in that case the
//! end of the error log is printed with the test's output.
#![allow(dead_code, reason = "every test binary compiles the whole harness and uses a part of it")]
#![allow(clippy::disallowed_types, reason = "the locks of a test never meet a fork of the process that it tests")]

mod builder;
mod client;
mod httpd;
mod installation;
mod process;
mod served;
mod site;
mod skip;
mod wait;

#[allow(unused_imports, reason = "every test binary compiles the whole harness and uses a part of it")]
pub use self::{
    builder::{Builder, free_port},
    client::{Connection, Response},
    httpd::Httpd,
    installation::{Installation, Mpm, python_module},
    process::{children_of, drop_privileges, group_members, is_root, resident_kib, signal},
    served::{Served, module},
    site::{FORKS, Save, Site, Writer, public_directory},
    skip::{REQUIRE_ALL, skip},
    wait::{DEADLINE, wait_for},
};

/// Writes one test per MPM: `mpm_tests! { [prefork, event] fn name(mpm) { ... } }` gives the tests
/// `name::prefork` and `name::event`, each with its [`Mpm`] in `mpm`.
#[allow(unused_macros, reason = "every test binary compiles the whole harness and uses a part of it")]
macro_rules! mpm_tests {
    ($($(#[$meta:meta])* [$($mpm:ident),+ $(,)?] fn $name:ident($arg:ident) $body:block)+) => {
        $(
            $(#[$meta])*
            mod $name {
                #[allow(unused_imports, reason = "a test may need nothing of its file")]
                use super::*;

                fn run($arg: $crate::support::Mpm) $body

                $(
                    #[test]
                    fn $mpm() {
                        run($crate::support::Mpm::$mpm());
                    }
                )+
            }
        )+
    };
}
#[allow(unused_imports, reason = "every test binary compiles the whole harness and uses a part of it")]
pub(crate) use mpm_tests;
