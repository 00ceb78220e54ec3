//! `__auth__`, `__access__` and `__auth_realm__`, on modules, classes, objects and inside functions.

use base64::Engine;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyModule, PyString, PyTuple};

use crate::api::Request;
use crate::handlers::builtin::publisher::arguments::{self, ArgumentPlan};
use crate::handlers::builtin::publisher::{PublishedObject, Refused};
use crate::httpd::{RequestRec, sys};

/// More wrappers around one function than this are a circle.
const MOST_WRAPPERS: usize = 100;

/// What protects one object.
#[derive(Default)]
struct Rules<'py> {
    realm: Option<Bound<'py, PyAny>>,
    auth: Option<Bound<'py, PyAny>>,
    access: Option<Bound<'py, PyAny>>,
}

/// Checks the objects on the way to the published one.
pub struct Guard<'a, 'py> {
    request: &'a Bound<'py, Request>,
    realm: String,
    credentials: Option<Option<(String, String)>>,
}

impl<'a, 'py> Guard<'a, 'py> {
    /// A guard for one request.
    pub fn new(request: &'a Bound<'py, Request>) -> Self {
        Self { request, realm: "unknown".to_owned(), credentials: None }
    }

    /// Obeys what a module says about itself.
    pub fn check_module(&mut self, py: Python<'py>, module: &Bound<'py, PyAny>) -> PublishedObject<()> {
        let Ok(module) = module.cast::<PyModule>() else { return self.check(py, module) };
        let dict = module.dict();
        let rules = Rules {
            realm: dict.get_item(pyo3::intern!(py, "__auth_realm__"))?,
            auth: dict.get_item(pyo3::intern!(py, "__auth__"))?,
            access: dict.get_item(pyo3::intern!(py, "__access__"))?,
        };
        self.obey(py, rules)
    }

    /// Obeys what an object, or the inside of a function, says about itself.
    pub fn check(&mut self, py: Python<'py>, object: &Bound<'py, PyAny>) -> PublishedObject<()> {
        self.check_at(py, object, 0)
    }

    fn check_at(&mut self, py: Python<'py>, object: &Bound<'py, PyAny>, depth: usize) -> PublishedObject<()> {
        // SAFETY: the object is alive.
        let is_function = unsafe { ffi::PyFunction_Check(object.as_ptr()) } != 0;
        if is_function {
            let plan = ArgumentPlan::of_function(py, object)?;
            let nested = if plan.is_protected { Some(nested_rules(py, object)?) } else { None };
            let rules = Rules {
                realm: arguments::attribute(py, object, pyo3::intern!(py, "__auth_realm__"))?,
                auth: arguments::attribute(py, object, pyo3::intern!(py, "__auth__"))?,
                access: arguments::attribute(py, object, pyo3::intern!(py, "__access__"))?,
            };
            self.obey(py, rules)?;
            if let Some(rules) = nested {
                self.obey(py, rules)?;
            }
            // What a decorator wraps is protected by what stands inside it.
            return match arguments::attribute(py, object, pyo3::intern!(py, "__wrapped__"))? {
                Some(wrapped) if depth < MOST_WRAPPERS => self.check_at(py, &wrapped, depth + 1),
                _ => Ok(()),
            };
        }
        self.obey(py, attributes(py, object)?)?;
        if arguments::is_method(py, object) {
            let function = object.getattr(pyo3::intern!(py, "__func__"))?;
            // SAFETY: as above.
            if unsafe { ffi::PyFunction_Check(function.as_ptr()) } != 0
                && ArgumentPlan::of_function(py, &function)?.is_protected
            {
                let rules = nested_rules(py, &function)?;
                return self.obey(py, rules);
            }
        }
        Ok(())
    }

    fn obey(&mut self, py: Python<'py>, rules: Rules<'py>) -> PublishedObject<()> {
        if let Some(realm) = rules.realm {
            self.realm = realm.str()?.to_string_lossy().into_owned();
        }
        if let Some(auth) = rules.auth {
            let Some((user, password)) = self.credentials()? else { return Err(self.challenge()?) };
            if !is_authentic(&auth, self.request, &user, &password)? {
                return Err(self.challenge()?);
            }
            self.record()?.set_user(user.replace('\0', "").as_bytes());
        }
        if let Some(access) = rules.access {
            let user = self.credentials()?.map(|(user, _)| user);
            if !is_permitted(py, &access, self.request, user.as_deref())? {
                return Err(Refused::Status(sys::HTTP_FORBIDDEN));
            }
        }
        Ok(())
    }

    fn record(&self) -> PyResult<RequestRec> {
        self.request.get().rec()
    }

    /// The user and password of the Authorization header, if there is one.
    fn credentials(&mut self) -> PublishedObject<Option<(String, String)>> {
        if self.credentials.is_none() {
            let record = self.record()?;
            let header = record.header_in(b"Authorization").map(<[u8]>::to_vec);
            let parsed = header.map(|h| parse(&h).ok_or(Refused::Status(sys::HTTP_BAD_REQUEST))).transpose()?;
            self.credentials = Some(parsed);
        }
        Ok(self.credentials.clone().flatten())
    }

    fn challenge(&self) -> PyResult<Refused> {
        let realm: String = self
            .realm
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect::<String>()
            .replace('\\', "\\\\")
            .replace('"', "\\\"");
        self.record()?.set_err_header(b"WWW-Authenticate", format!("Basic realm=\"{realm}\"").as_bytes());
        Ok(Refused::Status(sys::HTTP_UNAUTHORIZED))
    }
}

/// `Basic` credentials: UTF-8, else Latin-1; the password begins after the first colon.
fn parse(header: &[u8]) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim_ascii()).ok()?;
    let text = crate::api::text::decode(&decoded);
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

fn attributes<'py>(py: Python<'py>, object: &Bound<'py, PyAny>) -> PyResult<Rules<'py>> {
    Ok(Rules {
        realm: object.getattr_opt(pyo3::intern!(py, "__auth_realm__"))?,
        auth: object.getattr_opt(pyo3::intern!(py, "__auth__"))?,
        access: object.getattr_opt(pyo3::intern!(py, "__access__"))?,
    })
}

fn nested_rules<'py>(py: Python<'py>, function: &Bound<'py, PyAny>) -> PyResult<Rules<'py>> {
    let found: Bound<'py, PyDict> =
        crate::python::import(py, "mod_python.publisher")?.getattr("nested_rules")?.call1((function,))?.cast_into()?;
    Ok(Rules {
        realm: found.get_item("__auth_realm__")?,
        auth: found.get_item("__auth__")?,
        access: found.get_item("__access__")?,
    })
}

/// A callable decides; a dict maps users to passwords; anything else is taken by its truth.
fn is_authentic(auth: &Bound<'_, PyAny>, request: &Bound<'_, Request>, user: &str, password: &str) -> PyResult<bool> {
    if auth.is_callable() {
        return auth.call1((request, user, password))?.is_truthy();
    }
    if let Ok(users) = auth.cast::<PyDict>() {
        let Some(expected) = users.get_item(user)? else { return Ok(false) };
        return Ok(match expected.cast::<PyString>() {
            Ok(text) => same(text.to_cow()?.as_bytes(), password.as_bytes()),
            Err(_) => expected.eq(password)?,
        });
    }
    auth.is_truthy()
}

/// Compares in a time that does not tell how much was right: comparing two `blake3::Hash` takes constant time.
fn same(a: &[u8], b: &[u8]) -> bool {
    blake3::hash(a) == blake3::hash(b)
}

/// A callable decides; a list or tuple names the users; anything else is taken by its truth.
fn is_permitted(
    py: Python<'_>,
    access: &Bound<'_, PyAny>,
    request: &Bound<'_, Request>,
    user: Option<&str>,
) -> PyResult<bool> {
    if access.is_callable() {
        return access.call1((request, user))?.is_truthy();
    }
    if access.is_instance_of::<PyList>() || access.is_instance_of::<PyTuple>() {
        let user = match user {
            Some(user) => PyString::new(py, user).into_any(),
            None => py.None().into_bound(py),
        };
        return access.contains(user);
    }
    access.is_truthy()
}
