//! From a published object to the response.

use std::borrow::Cow;

use pyo3::buffer::PyBuffer;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

use crate::api::Request;
use crate::handlers::builtin::publisher::PublishedObject;
use crate::handlers::builtin::publisher::arguments::{self, Fields};

/// How many callables may return callables before that is taken for a mistake.
const MOST_CALLS: usize = 100;

/// Calls the target if it can be called, and its result if that can, and writes what comes out.
pub fn publish<'py>(py: Python<'py>, request: &Bound<'py, Request>, target: Bound<'py, PyAny>) -> PublishedObject<()> {
    let mut value = target;
    let mut is_result = false;
    if value.is_callable() {
        let fields = Fields::of(py, request)?;
        for _ in 0..MOST_CALLS {
            value = arguments::call(py, request, &value, &fields)?;
            is_result = true;
            if !value.is_callable() {
                break;
            }
        }
    }
    if value.is_none() {
        return Ok(());
    }
    if is_result && is_stream(py, &value)? {
        return stream(request, &value);
    }
    let body = OutputBody::of(&value)?;
    let bytes = body.bytes()?;
    choose_type(request, &bytes, body.is_text())?;
    request.get().write_bytes(py, &bytes, false)?;
    Ok(())
}

enum OutputBody<'py> {
    Text(Bound<'py, PyString>),
    Bytes(Vec<u8>),
}

impl<'py> OutputBody<'py> {
    fn of(value: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(text) = value.cast::<PyString>() {
            return Ok(Self::Text(text.clone()));
        }
        if let Ok(bytes) = value.cast::<PyBytes>() {
            return Ok(Self::Bytes(bytes.as_bytes().to_vec()));
        }
        if let Ok(buffer) = PyBuffer::<u8>::get(value) {
            return Ok(Self::Bytes(buffer.to_vec(value.py())?));
        }
        Ok(Self::Text(value.str()?))
    }

    fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// UTF-8 for text; a lone surrogate, which has no UTF-8, becomes a question mark.
    fn bytes(&self) -> PyResult<Cow<'_, [u8]>> {
        match self {
            Self::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
            Self::Text(text) => match text.to_cow() {
                Ok(Cow::Borrowed(text)) => Ok(Cow::Borrowed(text.as_bytes())),
                Ok(Cow::Owned(text)) => Ok(Cow::Owned(text.into_bytes())),
                Err(_) => {
                    let bytes = text.call_method1("encode", ("utf-8", "replace"))?;
                    Ok(Cow::Owned(bytes.extract()?))
                }
            },
        }
    }
}

/// Iterators and generators are streamed, and so is any other iterable that has no text form of its own, and a list or tuple
/// of texts.
fn is_stream(py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    if value.is_instance_of::<PyString>() || value.is_instance_of::<PyBytes>() {
        return Ok(false);
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        let mut any = false;
        for item in value.try_iter()? {
            let item = item?;
            any = true;
            if !item.is_instance_of::<PyString>() && !item.is_instance_of::<PyBytes>() {
                return Ok(false);
            }
        }
        return Ok(any);
    }
    // SAFETY: the object is alive.
    if unsafe { ffi::PyIter_Check(value.as_ptr()) } != 0 {
        return Ok(true);
    }
    let kind = value.get_type();
    if !kind.hasattr(pyo3::intern!(py, "__iter__"))? {
        return Ok(false);
    }
    let object = crate::python::import(py, "builtins")?.getattr("object")?;
    let is_inherited = |name: &str| -> PyResult<bool> { Ok(kind.getattr(name)?.is(&object.getattr(name)?)) };
    Ok(is_inherited("__str__")? && is_inherited("__repr__")?)
}

/// Sends each part as it comes, and closes the iterable like WSGI does.
fn stream(request: &Bound<'_, Request>, value: &Bound<'_, PyAny>) -> PublishedObject<()> {
    let result = send_parts(request, value);
    if let Some(close) = value.getattr_opt("close")?
        && close.is_callable()
    {
        let closed = close.call0();
        result?;
        closed?;
        return Ok(());
    }
    result?;
    Ok(())
}

fn send_parts(request: &Bound<'_, Request>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = value.py();
    let mut first = true;
    for part in value.try_iter()? {
        let part = part?;
        if part.is_none() {
            continue;
        }
        let body = OutputBody::of(&part)?;
        let bytes = body.bytes()?;
        if first {
            choose_type_by_start(request, &bytes, body.is_text())?;
            first = false;
        }
        request.get().write_bytes(py, &bytes, true)?;
    }
    Ok(())
}

/// HTML if that is how it ends, as mod_python has it, else plain text; the charset is told for text.
fn choose_type(request: &Bound<'_, Request>, bytes: &[u8], is_text: bool) -> PyResult<()> {
    let tail = &bytes[bytes.len().saturating_sub(100)..];
    let is_html = tail.trim_ascii_end().to_ascii_lowercase().ends_with(b"</html>");
    set_type(request, is_html, is_text)
}

/// Of a stream only the start is known.
fn choose_type_by_start(request: &Bound<'_, Request>, bytes: &[u8], is_text: bool) -> PyResult<()> {
    let head = bytes.trim_ascii_start();
    let head = head[..head.len().min(16)].to_ascii_lowercase();
    let is_html = head.starts_with(b"<!doctype html") || head.starts_with(b"<html");
    set_type(request, is_html, is_text)
}

fn set_type(request: &Bound<'_, Request>, is_html: bool, is_text: bool) -> PyResult<()> {
    if request.get().is_content_type_set()? {
        return Ok(());
    }
    let kind = match (is_html, is_text) {
        (true, true) => "text/html; charset=utf-8",
        (true, false) => "text/html",
        (false, true) => "text/plain; charset=utf-8",
        (false, false) => "text/plain",
    };
    request.get().rec()?.set_content_type(kind.as_bytes());
    Ok(())
}
