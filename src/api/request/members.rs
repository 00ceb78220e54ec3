//! The members and methods of `mp_request`, one by one. Each is a line or two: what takes more is in the files beside this one.

use std::ffi::c_int;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyString, PyTuple};

use crate::api::connection::{Connection, address};
use crate::api::convert::capsule;
use crate::api::finfo::FileInfo;
use crate::api::hlist::HandlerEntries;
use crate::api::request::Request;
use crate::api::request::fields::{FieldText, to_micros};
use crate::api::server::{Server, micros};
use crate::api::table::Table;
use crate::api::text::{any_str, path_bytes, to_str};
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

    /// How the client authenticated: the AUTH_TYPE of CGI.
    #[getter]
    fn ap_auth_type<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.ap_auth_type)
    }

    #[setter]
    fn set_ap_auth_type(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.change_text(value, RequestRec::set_auth_type)
    }

    /// The query string, still encoded.
    #[getter]
    fn args<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.args)
    }

    #[setter]
    fn set_args(&self, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        match value {
            Some(value) => self.change_path(value, RequestRec::set_args),
            None => self.change(RequestRec::clear_args),
        }
    }

    /// 1 for an HTTP/0.9 request, which has no headers.
    #[getter]
    fn assbackwards(&self) -> PyResult<c_int> {
        self.number(|r| r.assbackwards)
    }

    #[setter]
    fn set_assbackwards(&self, value: c_int) -> PyResult<()> {
        self.change(|r| r.set_assbackwards(value))
    }

    /// Bytes of the body sent.
    #[getter]
    fn bytes_sent(&self) -> PyResult<i64> {
        self.number(|r| r.bytes_sent)
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

    /// 1 when the response is sent in chunks.
    #[getter]
    fn chunked(&self) -> PyResult<c_int> {
        self.number(|r| r.chunked)
    }

    #[setter]
    fn set_chunked(&self, value: c_int) -> PyResult<()> {
        self.change(|r| r.set_chunked(value))
    }

    /// The length of the response, bytes.
    #[getter]
    fn clength(&self) -> PyResult<i64> {
        self.number(|r| r.clength)
    }

    /// The client's connection.
    #[getter]
    fn connection<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Connection>> {
        let record = self.rec()?;
        self.part(py, |o| &mut o.connection, || Bound::new(py, Connection::of(record)?))
    }

    /// The encoding of the resource, as in "gzip".
    #[getter]
    fn content_encoding<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.content_encoding)
    }

    /// The languages of the resource.
    #[getter]
    fn content_languages<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.texts(py, |r| r.content_languages)
    }

    /// The type of the response.
    #[getter]
    fn content_type<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.content_type)
    }

    #[setter]
    fn set_content_type(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = any_str(value)?;
        let state = self.state()?;
        state.record().set_content_type(&value);
        state.content_type_set.set(true);
        Ok(())
    }

    /// 1 when the end of the response has been sent.
    #[getter]
    fn eos_sent(&self) -> PyResult<c_int> {
        self.number(|r| r.eos_sent)
    }

    /// Headers of the response that are sent with errors and redirects too.
    #[getter]
    fn err_headers_out<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Table>> {
        self.table(py, |o| &mut o.err_headers_out, |r| r.err_headers_out)
    }

    /// 1 when the client waits for a "100 Continue" before it sends the body.
    #[getter]
    fn expecting_100(&self) -> PyResult<u32> {
        self.number(|r| r.expecting_100)
    }

    /// The extension that chose the list of handlers; "" for a file without one, None when the bare list runs.
    #[getter]
    fn extension<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        let phases = self.state()?.phases.borrow();
        let extension = phases.latest().and_then(|phase| phase.extension.as_deref());
        Ok(extension.map(|extension| PyString::new(py, extension)))
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

    /// What is known about that file.
    #[getter]
    fn finfo<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, FileInfo>> {
        let state = self.state()?;
        self.part(py, |o| &mut o.finfo, || Bound::new(py, FileInfo::of_request(state.leased_record())))
    }

    #[setter]
    fn set_finfo(&self, value: &Bound<'_, FileInfo>) -> PyResult<()> {
        value.get().copy_to(self.rec()?)
    }

    /// The fields of the query and the body, once somebody parsed them.
    #[getter(form)]
    fn read_form<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::form(slf)
    }

    #[setter(form)]
    fn write_form(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::set_form(slf, value)
    }

    #[deleter(form)]
    fn remove_form(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::delete_form(slf)
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

    /// 1 for HEAD.
    #[getter]
    fn header_only(&self) -> PyResult<c_int> {
        self.number(|r| r.header_only)
    }

    /// The request's headers.
    #[getter]
    fn headers_in<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Table>> {
        self.table(py, |o| &mut o.headers_in, |r| r.headers_in)
    }

    /// The response's headers.
    #[getter]
    fn headers_out<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Table>> {
        self.table(py, |o| &mut o.headers_out, |r| r.headers_out)
    }

    /// The handlers of the running phase; None outside of a phase.
    #[getter]
    fn hlist<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, HandlerEntries>>> {
        self.handler_list(py)
    }

    /// The host that the client asked for.
    #[getter]
    fn hostname<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.hostname)
    }

    /// The name of the interpreter that runs the handlers.
    #[getter]
    fn interpreter<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        let phases = self.state()?.phases.borrow();
        Ok(phases.latest().map(|phase| PyString::new(py, &phase.interpreter)))
    }

    /// The request that this one is a subrequest of.
    #[getter]
    fn main<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Self>>> {
        self.relative(py, self.rec()?.main())
    }

    /// The request that was internally redirected to this one.
    #[getter]
    fn prev<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Self>>> {
        self.relative(py, self.rec()?.prev())
    }

    /// The request that this one was internally redirected to.
    #[getter]
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Self>>> {
        self.relative(py, self.rec()?.next())
    }

    /// The method, as in "GET".
    #[getter]
    fn method<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.method)
    }

    /// The method, one of M_*; HEAD has the number of GET.
    #[getter]
    fn method_number(&self) -> PyResult<c_int> {
        self.number(|r| r.method_number)
    }

    /// When the resource was last changed, seconds since 1970.
    #[getter]
    fn mtime(&self) -> PyResult<f64> {
        Ok(micros(self.number(|r| r.mtime)?))
    }

    /// 1 when caches must not keep the response.
    #[getter]
    fn no_cache(&self) -> PyResult<c_int> {
        self.number(|r| r.no_cache)
    }

    #[setter]
    fn set_no_cache(&self, value: c_int) -> PyResult<()> {
        self.change(|r| r.set_no_cache(value))
    }

    /// 1 when conditional requests are to be ignored.
    #[getter]
    fn no_local_copy(&self) -> PyResult<c_int> {
        self.number(|r| r.no_local_copy)
    }

    #[setter]
    fn set_no_local_copy(&self, value: c_int) -> PyResult<()> {
        self.change(|r| r.set_no_local_copy(value))
    }

    /// What modules tell each other about the request.
    #[getter]
    fn notes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Table>> {
        self.table(py, |o| &mut o.notes, |r| r.notes)
    }

    /// The parts of the URI in the order of the URI_* constants; those that are not there are None.
    #[getter]
    fn parsed_uri<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.uri_parts(py)
    }

    /// What follows the file in the URI.
    #[getter]
    fn path_info<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.path_info)
    }

    #[setter]
    fn set_path_info(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.change_path(value, RequestRec::set_path_info)
    }

    /// The directive of the running phase; None outside of a phase.
    #[getter]
    fn phase<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        let state = self.state()?;
        let name = state.phases.borrow().running().map(|phase| phase.phase.name());
        Ok(name.map(|name| PyString::intern(py, name)))
    }

    /// The protocol's version: 1001 for HTTP/1.1.
    #[getter]
    fn proto_num(&self) -> PyResult<c_int> {
        self.number(|r| r.proto_num)
    }

    /// The protocol, as in "HTTP/1.1".
    #[getter]
    fn protocol<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.protocol)
    }

    /// One of PROXYREQ_*.
    #[getter]
    fn proxyreq(&self) -> PyResult<c_int> {
        self.number(|r| r.proxyreq)
    }

    #[setter]
    fn set_proxyreq(&self, value: c_int) -> PyResult<()> {
        self.change(|r| r.set_proxyreq(value))
    }

    /// The Range header.
    #[getter]
    fn range<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.range)
    }

    /// How the body is read: one of REQUEST_*.
    #[getter]
    fn read_body(&self) -> PyResult<c_int> {
        self.number(|r| r.read_body)
    }

    /// 1 when the body comes in chunks.
    #[getter]
    fn read_chunked(&self) -> PyResult<c_int> {
        self.number(|r| r.read_chunked)
    }

    /// Bytes of the body read so far.
    #[getter]
    fn read_length(&self) -> PyResult<i64> {
        self.number(|r| r.read_length)
    }

    /// Bytes of the body announced and not yet read.
    #[getter]
    fn remaining(&self) -> PyResult<i64> {
        self.number(|r| r.remaining)
    }

    /// When the request began, seconds since 1970.
    #[getter]
    fn request_time(&self) -> PyResult<f64> {
        Ok(micros(self.number(|r| r.request_time)?))
    }

    /// Nonzero once the body is being sent.
    #[getter]
    fn sent_bodyct(&self) -> PyResult<i64> {
        self.number(|r| r.sent_bodyct)
    }

    /// The server that answers.
    #[getter]
    fn server<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Server>> {
        let record = self.rec()?;
        self.part(py, |o| &mut o.server, || Server::of(py, record.server()))
    }

    /// The status of the response.
    #[getter]
    fn status(&self) -> PyResult<c_int> {
        self.number(|r| r.status)
    }

    #[setter]
    fn set_status(&self, value: c_int) -> PyResult<()> {
        self.change(|r| r.set_status(value))
    }

    /// The status and its text, where they differ from the usual.
    #[getter]
    fn status_line<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.status_line)
    }

    #[setter]
    fn set_status_line(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.change_text(value, RequestRec::set_status_line)
    }

    /// The environment for CGI scripts and server-side includes.
    #[getter]
    fn subprocess_env<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Table>> {
        self.table(py, |o| &mut o.subprocess_env, |r| r.subprocess_env)
    }

    /// The first line of the request.
    #[getter]
    fn the_request<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.the_request)
    }

    /// The URI as the client sent it.
    #[getter]
    fn unparsed_uri<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.unparsed_uri)
    }

    /// The path of the URI, decoded.
    #[getter]
    fn uri<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.uri)
    }

    #[setter]
    fn set_uri(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.change_path(value, RequestRec::set_uri)
    }

    /// One of AP_REQ_*_PATH_INFO.
    #[getter]
    fn used_path_info(&self) -> PyResult<c_int> {
        self.number(|r| r.used_path_info)
    }

    #[setter]
    fn set_used_path_info(&self, value: c_int) -> PyResult<()> {
        self.change(|r| r.set_used_path_info(value))
    }

    /// The user that the client authenticated as.
    #[getter]
    fn user<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.user)
    }

    #[setter]
    fn set_user(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.change_text(value, RequestRec::set_user)
    }

    /// The client's address and port; behind a trusted proxy that of the proxy's client.
    #[getter]
    fn useragent_addr<'py>(&self, py: Python<'py>) -> PyResult<Option<(Option<Bound<'py, PyString>>, u16)>> {
        let record = self.rec()?;
        let raw = record.raw();
        // SAFETY: the addresses of a live request are live.
        Ok(unsafe { address(py, raw.useragent_addr, raw.useragent_ip) })
    }

    /// The client's address; behind a trusted proxy that of the proxy's client.
    #[getter]
    fn useragent_ip<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.useragent_ip)
    }

    /// The validator of a negotiated resource.
    #[getter]
    fn vlist_validator<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        self.text(py, |r| r.vlist_validator)
    }

    /// Bytes written through write() and sendfile().
    #[getter]
    fn _bytes_queued(&self) -> PyResult<i64> {
        Ok(self.state()?.queued.get())
    }

    /// 1 when Python set the content type.
    #[getter]
    fn _content_type_set(&self) -> PyResult<c_int> {
        Ok(c_int::from(self.state()?.content_type_set.get()))
    }

    /// The `request_rec`, for other C code.
    #[getter]
    fn _request_rec<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        capsule(py, self.rec()?.as_ptr().cast())
    }

    /// Fills subprocess_env with the variables of CGI. PATH_TRANSLATED is left out, as it takes a subrequest.
    fn add_cgi_vars(&self, py: Python<'_>) -> PyResult<()> {
        self.add_cgi_variables(py)
    }

    /// Fills subprocess_env with the variables that CGI and server-side includes share.
    fn add_common_vars(&self, py: Python<'_>) -> PyResult<()> {
        self.add_common_variables(py)
    }

    /// Adds one of httpd's input filters; httpd logs a name that it does not know.
    fn add_input_filter(&self, name: &Bound<'_, PyAny>) -> PyResult<()> {
        let name = any_str(name)?;
        self.rec()?.add_input_filter(&name);
        Ok(())
    }

    /// Adds one of httpd's output filters; httpd logs a name that it does not know.
    fn add_output_filter(&self, name: &Bound<'_, PyAny>) -> PyResult<()> {
        let name = any_str(name)?;
        self.rec()?.add_output_filter(&name);
        Ok(())
    }

    /// Adds names of methods to those that the Allow header tells; with `reset` they replace the others.
    #[pyo3(signature = (methods, reset=0))]
    fn allow_methods(&self, methods: &Bound<'_, PyAny>, reset: i64) -> PyResult<()> {
        self.allow(methods, reset != 0)
    }

    /// AuthName.
    fn auth_name<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        Ok(self.rec()?.auth_name().map(|name| to_str(py, name)))
    }

    /// AuthType.
    fn auth_type<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        Ok(self.rec()?.auth_type().map(|name| to_str(py, name)))
    }

    /// The scheme, host and port of the server before `uri`.
    fn construct_url<'py>(&self, py: Python<'py>, uri: &Bound<'py, PyString>) -> FieldText<'py> {
        let uri = path_bytes(uri.as_any())?;
        Ok(self.rec()?.construct_url(uri.as_bytes()).map(|url| to_str(py, url)))
    }

    /// Reads and forgets the body; OK or an HTTP error.
    fn discard_request_body(&self, py: Python<'_>) -> PyResult<c_int> {
        self.discard_body(py)
    }

    /// DocumentRoot.
    fn document_root<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        Ok(self.rec()?.document_root().map(|path| to_str(py, path)))
    }

    /// Sends what was written so far, headers first. Raises OSError when the client has gone.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        self.flush_output(py)
    }

    /// The extensions, joined by blanks, that AddHandler maps to mod_python or python-program; "" if there are none.
    fn get_addhandler_exts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        Ok(to_str(py, self.rec()?.handler_extensions().unwrap_or_default()))
    }

    /// The password of Basic authentication, or None; req.user is known after this was called.
    fn get_basic_auth_pw<'py>(&self, py: Python<'py>) -> FieldText<'py> {
        Ok(self.rec()?.basic_password().map(|password| to_str(py, password)))
    }

    /// The Python* settings in effect; flags are "1" or "0", those not set are missing. The same table at each call.
    fn get_config<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Table>> {
        self.config(py)
    }

    /// The PythonOption values in effect. The same table at each call.
    fn get_options<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Table>> {
        self.options(py)
    }

    /// The client's name or address as `type`, one of REMOTE_*, asks for it. When `str_is_ip` is not None the answer is a
    /// tuple whose second part is 1 for an address.
    #[pyo3(signature = (r#type=1, str_is_ip=None))]
    fn get_remote_host<'py>(
        &self,
        py: Python<'py>,
        r#type: c_int,
        str_is_ip: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.remote_host(py, r#type, str_is_ip.is_some())
    }

    /// Answers with another URI of this server. The handler goes on when that is done.
    fn internal_redirect(&self, py: Python<'_>, uri: &Bound<'_, PyString>) -> PyResult<()> {
        self.redirect_internally(py, uri)
    }

    /// 1 when mod_ssl encrypts the connection, else 0.
    fn is_https(&self) -> PyResult<c_int> {
        Ok(c_int::from(self.rec()?.is_https()))
    }

    /// Logs with the request's tags; `level` is one of APLOG_*, 0 means APLOG_ERR. A message of None is ignored.
    #[pyo3(signature = (message, level=0))]
    fn log_error(&self, message: Option<&Bound<'_, PyString>>, level: i64) -> PyResult<()> {
        self.log(message, level)
    }

    /// OK, HTTP_NOT_MODIFIED or HTTP_PRECONDITION_FAILED: what the conditional headers ask for. Set mtime and ETag before.
    fn meets_conditions(&self) -> PyResult<c_int> {
        Ok(self.rec()?.meets_conditions())
    }

    /// At most `len` bytes of the body, fewer only at its end; all of it when negative.
    ///
    /// Raises OSError when the client has gone or is too slow, SERVER_RETURN when the body is not acceptable (too large,
    /// malformed).
    #[pyo3(signature = (len=-1))]
    fn read<'py>(&self, py: Python<'py>, len: i64) -> PyResult<Bound<'py, PyBytes>> {
        self.read_bytes(py, len)
    }

    /// A line of the body with its line feed, at most `len` bytes of it; b"" at the end. Raises what read() raises.
    #[pyo3(signature = (len=-1))]
    fn readline<'py>(&self, py: Python<'py>, len: i64) -> PyResult<Bound<'py, PyBytes>> {
        self.read_line(py, len)
    }

    /// The lines of the body; no further line is read once they are `sizehint` bytes together, if that is above 0. Raises what
    /// read() raises.
    #[pyo3(signature = (sizehint=-1))]
    fn readlines<'py>(&self, py: Python<'py>, sizehint: i64) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        self.read_lines(py, sizehint)
    }

    /// Calls `callable` with `data` (a tuple is spread over its arguments) after the request; the last one registered is the
    /// first one called. Raises ValueError when it cannot be called.
    #[pyo3(signature = (callable, data=None))]
    fn register_cleanup(
        &self,
        py: Python<'_>,
        callable: Bound<'_, PyAny>,
        data: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        self.register(callable, data.unwrap_or_else(|| py.None().into_bound(py)))
    }

    /// Does nothing: headers are sent with the first output.
    fn send_http_header(&self) -> PyResult<()> {
        self.rec().map(drop)
    }

    /// Sends `len` bytes of a file from `offset` on (negative: up to its end) and returns how many were sent.
    ///
    /// Raises OSError when the file cannot be read or the client has gone.
    #[pyo3(signature = (path, offset=0, len=-1))]
    fn sendfile(&self, path: &Bound<'_, PyAny>, offset: i64, len: i64) -> PyResult<usize> {
        self.send_file(path, offset, len)
    }

    /// Sets the length of the response, bytes, and its header.
    fn set_content_length(&self, len: i64) -> PyResult<()> {
        self.rec()?.set_content_length(len);
        Ok(())
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

    /// A variable of mod_ssl by name; None without mod_ssl.
    fn ssl_var_lookup<'py>(&self, py: Python<'py>, name: &Bound<'py, PyAny>) -> FieldText<'py> {
        self.ssl_variable(py, name)
    }

    /// Moves mtime forward to `secs` since 1970 if that is later; fractions are dropped.
    fn update_mtime(&self, secs: f64) -> PyResult<()> {
        let micros = to_micros(secs)?;
        self.rec()?.update_mtime(micros);
        Ok(())
    }

    /// Writes text as UTF-8, or the bytes of any buffer; with `flush` it is sent at once. Unflushed output is kept back for a
    /// while, and up to 8 KiB of it can still be replaced by an error page.
    ///
    /// Raises OSError when the client has gone, TypeError for anything without a buffer.
    #[pyo3(signature = (string, flush=1))]
    fn write(&self, py: Python<'_>, string: &Bound<'_, PyAny>, flush: i64) -> PyResult<()> {
        self.write_object(py, string, flush != 0)
    }
}
