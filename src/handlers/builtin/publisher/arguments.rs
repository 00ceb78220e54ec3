//! What a published function takes, and filling it from the query and the form.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use percent_encoding::percent_decode;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCode, PyDict, PyList, PyString, PyTuple, PyType, PyWeakrefMethods, PyWeakrefReference};

use crate::api::Request;
use crate::handlers::builtin::publisher::{PublishedObject, Refused};
use crate::httpd::{RequestRec, log, sys};
use crate::python::gil::GilCell;

/// The parameters of a plain function, read from its code once.
pub struct ArgumentPlan {
    names: Vec<Py<PyString>>,
    required: Vec<bool>,
    request_at: Option<usize>,
    positional_only: usize,
    takes_any: bool,
    /// The function has `__auth__`, `__access__` or `__auth_realm__` inside.
    pub is_protected: bool,
}

struct CachedArgumentPlan {
    code: Py<PyWeakrefReference>,
    plan: Arc<ArgumentPlan>,
}

static PLANS: GilCell<Option<HashMap<(usize, usize), CachedArgumentPlan>>> = GilCell::new(None);

/// More plans than this are of code that was replaced long ago.
const MOST_PLANS: usize = 4096;

impl ArgumentPlan {
    /// The plan of a function, from its code and the number of its defaults.
    pub fn of_function(py: Python<'_>, function: &Bound<'_, PyAny>) -> PyResult<Arc<Self>> {
        let code = function.getattr(pyo3::intern!(py, "__code__"))?;
        let defaults = function.getattr(pyo3::intern!(py, "__defaults__"))?;
        let default_count = if defaults.is_none() { 0 } else { defaults.len()? };
        let key = (code.as_ptr() as usize, default_count);
        if let Some(cached) = PLANS.borrow(py).as_ref().and_then(|plans| plans.get(&key))
            && cached.code.bind(py).upgrade().is_some_and(|alive| alive.is(&code))
        {
            return Ok(cached.plan.clone());
        }
        let plan = Arc::new(Self::read(py, function, &code, default_count)?);
        let code = PyWeakrefReference::new(&code)?.unbind();
        let replaced = {
            let mut plans = PLANS.borrow(py);
            let plans = plans.get_or_insert_default();
            let dropped = if plans.len() >= MOST_PLANS { std::mem::take(plans) } else { HashMap::new() };
            (plans.insert(key, CachedArgumentPlan { code, plan: plan.clone() }), dropped)
        };
        drop(replaced);
        Ok(plan)
    }

    fn read(py: Python<'_>, function: &Bound<'_, PyAny>, code: &Bound<'_, PyAny>, defaults: usize) -> PyResult<Self> {
        let number = |name: &str| -> PyResult<usize> { code.getattr(name)?.extract() };
        let positional = number("co_argcount")?;
        let keyword_only = number("co_kwonlyargcount")?;
        let flags: std::ffi::c_int = code.getattr("co_flags")?.extract()?;
        let all: Vec<Bound<'_, PyString>> = code.getattr("co_varnames")?.extract()?;
        let keyword_defaults = function.getattr("__kwdefaults__")?;
        let has_keyword_default = |name: &Bound<'_, PyString>| {
            keyword_defaults.cast::<PyDict>().is_ok_and(|d| d.contains(name).unwrap_or(false))
        };
        let count = positional + keyword_only;
        let mut names = Vec::with_capacity(count);
        let mut required = Vec::with_capacity(count);
        for (index, name) in all.iter().take(count).enumerate() {
            required.push(if index < positional { index + defaults < positional } else { !has_keyword_default(name) });
            names.push(PyString::intern(py, &name.to_cow()?).unbind());
        }
        let request_at = names.iter().position(|n| n.bind(py).to_cow().is_ok_and(|n| n == "req"));
        let locals = all.iter().skip(count);
        let is_protected = locals
            .into_iter()
            .any(|n| n.to_cow().is_ok_and(|n| matches!(&*n, "__auth__" | "__access__" | "__auth_realm__")));
        Ok(Self {
            names,
            required,
            request_at,
            positional_only: number("co_posonlyargcount")?,
            takes_any: flags & ffi::CO_VARKEYWORDS != 0,
            is_protected,
        })
    }

    /// Fills the parameters after the first `skip`: the request, then fields by name. A required one that the client did not
    /// send is the client's mistake.
    fn fill<'py>(
        &self,
        py: Python<'py>,
        request: &Bound<'py, Request>,
        fields: &Fields<'py>,
        skip: usize,
    ) -> PublishedObject<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let by_name = PyDict::new(py);
        let mut by_place = Vec::new();
        let mut gap = false;
        for (index, name) in self.names.iter().enumerate().skip(skip) {
            let name = name.bind(py);
            let value =
                if name.to_cow()? == "req" { Some(request.clone().into_any()) } else { fields.get(py, name)? };
            let Some(value) = value else {
                if self.required[index] {
                    return Err(missing(request, &name.to_cow()?)?);
                }
                gap = true;
                continue;
            };
            if index < self.positional_only {
                // What follows a gap cannot be given by place, and keeps its default.
                if !gap {
                    by_place.push(value);
                }
            } else {
                by_name.set_item(name, value)?;
            }
        }
        if self.takes_any {
            let own: Vec<&Bound<'py, PyString>> = self.names.iter().map(|n| n.bind(py)).collect();
            fields.each(py, |name, value| {
                let is_own = own.iter().any(|n| n.as_any().eq(name).unwrap_or(false));
                if !is_own && name.to_cow()? != "req" { by_name.set_item(name, value) } else { Ok(()) }
            })?;
            if self.request_at.is_none() {
                by_name.set_item(pyo3::intern!(py, "req"), request)?;
            }
        }
        Ok((PyTuple::new(py, by_place)?, by_name))
    }
}

fn missing(request: &Bound<'_, Request>, name: &str) -> PyResult<Refused> {
    let record = request.get().rec()?;
    log::request!(
        record,
        log::Level::INFO,
        "the published function requires the argument '{name}', which was not sent"
    );
    Ok(Refused::Status(sys::HTTP_BAD_REQUEST))
}

/// The fields of a request.
pub enum Fields<'py> {
    /// Of a query: names and values in order.
    Query(Arc<Vec<(String, String)>>),
    /// Of a form: a `util.FieldStorage`.
    Form(Bound<'py, PyAny>),
}

impl<'py> Fields<'py> {
    /// Reads the query, and the body if there is one, and makes them `req.form`.
    ///
    /// # Errors
    /// What reading the body raises.
    pub fn of(py: Python<'py>, request: &Bound<'py, Request>) -> PyResult<Self> {
        let record = request.get().rec()?;
        if record.raw().method_number == sys::M_POST.cast_signed() {
            let arguments = PyDict::new(py);
            arguments.set_item("keep_blank_values", 1)?;
            let form = crate::python::import(py, "mod_python.util")?
                .getattr("FieldStorage")?
                .call((request,), Some(&arguments))?;
            request.setattr(pyo3::intern!(py, "form"), &form)?;
            return Ok(Self::Form(form));
        }
        let pairs = Arc::new(parse_query(record));
        request.get().set_form_pairs(py, pairs.clone());
        Ok(Self::Query(pairs))
    }

    fn get(&self, py: Python<'py>, name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self {
            Self::Query(pairs) => {
                let wanted = name.to_cow()?;
                let mut found = pairs.iter().filter(|(n, _)| *n == wanted).map(|(_, value)| value);
                let Some(first) = found.next() else { return Ok(None) };
                let Some(second) = found.next() else { return Ok(Some(PyString::new(py, first).into_any())) };
                let all: Vec<&String> = [first, second].into_iter().chain(found).collect();
                Ok(Some(PyList::new(py, all)?.into_any()))
            }
            Self::Form(form) => {
                if !form.contains(name)? {
                    return Ok(None);
                }
                plain(&form.get_item(name)?).map(Some)
            }
        }
    }

    fn each(
        &self,
        py: Python<'py>,
        mut visit: impl FnMut(&Bound<'py, PyString>, Bound<'py, PyAny>) -> PyResult<()>,
    ) -> PyResult<()> {
        let names: Vec<Bound<'py, PyString>> = match self {
            Self::Query(pairs) => {
                let mut seen = HashSet::new();
                let first = pairs.iter().filter(|(name, _)| seen.insert(name.as_str()));
                first.map(|(name, _)| PyString::new(py, name)).collect()
            }
            Self::Form(form) => {
                let names: Vec<Bound<'py, PyAny>> = form.call_method0("keys")?.extract()?;
                names.into_iter().filter_map(|n| n.cast_into::<PyString>().ok()).collect()
            }
        };
        for name in names {
            if let Some(value) = self.get(py, &name)? {
                visit(&name, value)?;
            }
        }
        Ok(())
    }
}

/// A field as an argument: the plain text of a text field, an upload as it is, several as a list.
fn plain<'py>(field: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    if let Ok(fields) = field.cast::<PyList>() {
        let values = fields.iter().map(|f| plain(&f)).collect::<PyResult<Vec<_>>>()?;
        return Ok(PyList::new(field.py(), values)?.into_any());
    }
    if field.is_instance_of::<PyString>() {
        field.getattr(pyo3::intern!(field.py(), "value"))
    } else {
        Ok(field.clone())
    }
}

/// The fields of the query string, blank values kept.
fn parse_query(record: RequestRec) -> Vec<(String, String)> {
    let Some(query) = record.text(|r| r.args) else { return Vec::new() };
    query
        .split(|b| matches!(b, b'&' | b';'))
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = match memchr::memchr(b'=', pair) {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &b""[..]),
            };
            (decode(name), decode(value))
        })
        .collect()
}

/// Decodes a part of a query: `+` is a blank, bad escapes stay, what follows an encoded NUL goes, and bytes that are no UTF-8
/// become U+FFFD.
fn decode(part: &[u8]) -> String {
    let spaced: Vec<u8> = part.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    let decoded: Vec<u8> = percent_decode(&spaced).collect();
    let end = memchr::memchr(0, &decoded).unwrap_or(decoded.len());
    String::from_utf8_lossy(&decoded[..end]).into_owned()
}

/// Calls a published object with what it takes.
pub fn call<'py>(
    py: Python<'py>,
    request: &Bound<'py, Request>,
    target: &Bound<'py, PyAny>,
    fields: &Fields<'py>,
) -> PublishedObject<Bound<'py, PyAny>> {
    let (function, skip) = underlying(py, target)?;
    let Some(function) = function else { return call_by_signature(py, request, target, fields) };
    let plan = ArgumentPlan::of_function(py, &function)?;
    let (by_place, by_name) = plan.fill(py, request, fields, skip)?;
    Ok(target.call(by_place, Some(&by_name))?)
}

/// The plain function of a function or method, and how many of its parameters are bound. None for everything else, and for
/// what a decorator has wrapped: its signature says what it takes.
fn underlying<'py>(py: Python<'py>, target: &Bound<'py, PyAny>) -> PyResult<(Option<Bound<'py, PyAny>>, usize)> {
    // SAFETY: the object is alive.
    let (function, skip) = if unsafe { ffi::PyFunction_Check(target.as_ptr()) } != 0 {
        (target.clone(), 0)
    } else if is_method(py, target) {
        (target.getattr(pyo3::intern!(py, "__func__"))?, 1)
    } else {
        return Ok((None, 0));
    };
    let is_plain = function.getattr_opt(pyo3::intern!(py, "__code__"))?.is_some_and(|c| c.is_instance_of::<PyCode>())
        && attribute(py, &function, pyo3::intern!(py, "__wrapped__"))?.is_none();
    Ok((is_plain.then_some(function), skip))
}

/// An attribute that was set on a function. Asking for the dict avoids raising an AttributeError where there is none.
pub fn attribute<'py>(
    py: Python<'py>,
    function: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let dict = function.getattr(pyo3::intern!(py, "__dict__"))?;
    let dict = dict.cast::<PyDict>()?;
    if dict.is_empty() { Ok(None) } else { dict.get_item(name) }
}

/// Whether an object is a method bound to an instance or class.
pub fn is_method(py: Python<'_>, object: &Bound<'_, PyAny>) -> bool {
    static METHOD: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    METHOD.import(py, "types", "MethodType").is_ok_and(|method| object.get_type().is(method))
}

fn call_by_signature<'py>(
    py: Python<'py>,
    request: &Bound<'py, Request>,
    target: &Bound<'py, PyAny>,
    fields: &Fields<'py>,
) -> PublishedObject<Bound<'py, PyAny>> {
    let values = PyDict::new(py);
    fields.each(py, |name, value| values.set_item(name, value))?;
    values.set_item(pyo3::intern!(py, "req"), request)?;
    let chosen = crate::python::import(py, "mod_python._arguments")?
        .getattr("accepted")?
        .call1((target,))?
        .call_method1("select", (values,))?;
    let (by_place, by_name): (Bound<'py, PyAny>, Bound<'py, PyDict>) = chosen.extract()?;
    let by_place: Vec<Bound<'py, PyAny>> = by_place.extract()?;
    let by_place = PyTuple::new(py, by_place)?;
    match target.call(&by_place, Some(&by_name)) {
        Ok(value) => Ok(value),
        Err(error)
            if error.is_instance_of::<PyTypeError>(py) && !is_callable_with(py, target, &by_place, &by_name)? =>
        {
            let record = request.get().rec()?;
            log::request!(record, log::Level::INFO, "an argument that is required was not sent: {}", error.value(py));
            Err(Refused::Status(sys::HTTP_BAD_REQUEST))
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether what a callable says about itself lets it be called with these arguments. One that says nothing may be.
fn is_callable_with(
    py: Python<'_>,
    target: &Bound<'_, PyAny>,
    by_place: &Bound<'_, PyTuple>,
    by_name: &Bound<'_, PyDict>,
) -> PyResult<bool> {
    let Ok(signature) = crate::python::import(py, "inspect")?.call_method1("signature", (target,)) else {
        return Ok(true);
    };
    match signature.getattr("bind")?.call(by_place, Some(by_name)) {
        Ok(_) => Ok(true),
        Err(error) if error.is_instance_of::<PyTypeError>(py) => Ok(false),
        Err(error) => Err(error),
    }
}
