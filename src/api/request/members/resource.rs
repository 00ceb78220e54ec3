//! The resource that httpd found for the URI: its file, its handler, its age and the methods that it allows.

use std::ffi::c_int;

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::api::finfo::FileInfo;
use crate::api::request::Request;
use crate::api::request::fields::{FieldText, to_micros};
use crate::api::server::micros;
use crate::api::text::to_str;
use crate::httpd::RequestRec;

#[pymethods]
impl Request {
    /// The methods that the resource allows, as bits (1 << M_GET and so on).
    #[getter]
    fn allowed(&self) -> PyResult<i64> {
        self.number(|r| r.allowed)
    }

    /// Extension methods that the resource allows.
    #[getter]
    fn allowed_methods<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.texts(py, |r| {
            // SAFETY: the list of a live request is null or live.
            unsafe { r.allowed_methods.as_ref() }.map_or(std::ptr::null(), |list| list.method_list.cast_const())
        })
    }

    /// Extension methods that the resource allows, as older modules keep them.
    #[getter]
    fn allowed_xmethods<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.texts(py, |r| r.allowed_xmethods)
    }

    /// The file name with its true case.
    #[getter]
    fn canonical_filename<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.canonical_filename)
    }

    #[setter]
    fn set_canonical_filename(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.change_path(value, RequestRec::set_canonical_filename)
    }

    /// The file that the URI was mapped to.
    #[getter]
    fn filename<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.filename)
    }

    #[setter]
    fn set_filename(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.change_path(value, RequestRec::set_filename)
    }

    /// What httpd knows about the file: its size, its times and its type.
    #[getter]
    fn finfo<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, FileInfo>> {
        let state = self.state()?;
        self.part(py, |o| &mut o.finfo, || Bound::new(py, FileInfo::of_request(state.leased_record())))
    }

    #[setter]
    fn set_finfo(&self, value: &Bound<'_, FileInfo>) -> PyResult<()> {
        value.get().copy_to(self.rec()?)
    }

    /// The name of httpd's handler, as SetHandler sets it.
    #[getter]
    fn handler<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.handler)
    }

    #[setter]
    fn set_handler(&self, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        match value {
            Some(value) => self.change_text(value, RequestRec::set_handler),
            None => self.change(RequestRec::clear_handler),
        }
    }

    /// When the resource was last changed, seconds since 1970.
    #[getter]
    fn mtime(&self) -> PyResult<f64> {
        Ok(micros(self.number(|r| r.mtime)?))
    }

    /// The validator of a negotiated resource.
    #[getter]
    fn vlist_validator<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.vlist_validator)
    }

    /// Adds names of methods to the Allow header; with `reset` they replace the others.
    #[pyo3(signature = (methods, reset=0))]
    fn allow_methods(&self, methods: &Bound<'_, PyAny>, reset: i64) -> PyResult<()> {
        self.allow(methods, reset != 0)
    }

    /// DocumentRoot.
    fn document_root<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        Ok(self.rec()?.document_root().map(|path| to_str(py, path)))
    }

    /// The extensions, joined by blanks, that AddHandler maps to mod_python or python-program; "" if there are none.
    fn get_addhandler_exts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        Ok(to_str(py, self.rec()?.handler_extensions().unwrap_or_default()))
    }

    /// OK, HTTP_NOT_MODIFIED or HTTP_PRECONDITION_FAILED: what the conditional headers ask for. Set mtime and ETag before.
    fn meets_conditions(&self) -> PyResult<c_int> {
        Ok(self.rec()?.meets_conditions())
    }

    /// Sets ETag from the file's data.
    fn set_etag(&self) -> PyResult<()> {
        self.rec()?.set_etag();
        Ok(())
    }

    /// Sets Last-Modified from mtime.
    fn set_last_modified(&self) -> PyResult<()> {
        self.rec()?.set_last_modified();
        Ok(())
    }

    /// Moves mtime forward to `secs` since 1970 if that is later; fractions are dropped.
    fn update_mtime(&self, secs: f64) -> PyResult<()> {
        let micros = to_micros(secs)?;
        self.rec()?.update_mtime(micros);
        Ok(())
    }
}
