//! Text rules: how Python's `str` and httpd's bytes become each other, so that everything round-trips and no byte crashes.

use std::borrow::Cow;
use std::ffi::CString;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// httpd's bytes as text: UTF-8 where they are, else Latin-1.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|b| char::from(*b)).collect()),
    }
}

/// Text as httpd's bytes: Latin-1 where it can be read back as that, else UTF-8. `decode(&encode(t)) == t` for every `t`.
pub fn encode(text: &str) -> Cow<'_, [u8]> {
    if text.is_ascii() {
        return Cow::Borrowed(text.as_bytes());
    }
    let latin: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    match latin {
        Some(bytes) if std::str::from_utf8(&bytes).is_err() => Cow::Owned(bytes),
        _ => Cow::Borrowed(text.as_bytes()),
    }
}

/// `bytes` or `str` (or a subclass of either) as httpd's bytes.
///
/// # Errors
/// `TypeError` for anything else, `ValueError` for a NUL inside, which httpd's strings cannot hold.
pub fn any_str(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let bytes = if let Ok(text) = value.cast::<PyString>() {
        encode(&lossless(text)?).into_owned()
    } else if let Ok(bytes) = value.cast::<PyBytes>() {
        bytes.as_bytes().to_vec()
    } else {
        return Err(PyTypeError::new_err(format!("expected str or bytes, not {}", value.get_type().name()?)));
    };
    if bytes.contains(&0) {
        return Err(PyValueError::new_err("embedded null character"));
    }
    Ok(bytes)
}

/// The name of a file or a URI, `str`, `bytes` or path-like, as httpd's bytes. Text is UTF-8 here, never Latin-1: it names what
/// is there under those bytes.
///
/// # Errors
/// `TypeError` for anything else, `ValueError` for a NUL inside.
pub fn path_bytes(value: &Bound<'_, PyAny>) -> PyResult<CString> {
    // SAFETY: the object is alive; the function returns a new reference or null with an exception set.
    let path = unsafe { Bound::from_owned_ptr_or_err(value.py(), pyo3::ffi::PyOS_FSPath(value.as_ptr()))? };
    let bytes = if let Ok(text) = path.cast::<PyString>() {
        lossless(text)?.into_owned().into_bytes()
    } else {
        path.cast::<PyBytes>()?.as_bytes().to_vec()
    };
    CString::new(bytes).map_err(|_| PyValueError::new_err("embedded null character"))
}

/// httpd's bytes as a `str`.
pub fn to_str<'py>(py: Python<'py>, bytes: &[u8]) -> Bound<'py, PyString> {
    PyString::new(py, &decode(bytes))
}

/// The text of a `str`; lone surrogates, which no encoding has, are refused as Python does.
fn lossless<'a>(text: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, str>> {
    text.to_cow()
}
