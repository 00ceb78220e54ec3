//! What was read ahead of a request's body, and reading it by bytes or by lines.

use std::ffi::c_int;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

use crate::api::module::server_return::server_return;
use crate::httpd::request::AprError;
use crate::httpd::{RequestRec, sys};

/// How much is asked of httpd at a time.
const BLOCK: usize = 64 * 1024;

const APR_EGENERAL: c_int = sys::APR_EGENERAL.cast_signed();
const APR_ENOTIMPL: c_int = sys::APR_ENOTIMPL.cast_signed();
const HTTP_BAD_REQUEST: c_int = sys::HTTP_BAD_REQUEST.cast_signed();
const HTTP_NOT_IMPLEMENTED: c_int = sys::HTTP_NOT_IMPLEMENTED.cast_signed();
const HTTP_REQUEST_ENTITY_TOO_LARGE: c_int = sys::HTTP_REQUEST_ENTITY_TOO_LARGE.cast_signed();

/// How far the body was read.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum BodyStage {
    /// Nothing was read yet.
    #[default]
    Untouched,
    /// There may be more.
    Open,
    /// Everything that came is in the buffer.
    AtEnd,
    /// A call is reading right now.
    Busy,
    /// Reading failed, and will again.
    Failed(BodyFailure),
}

/// Why the body cannot be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFailure {
    /// The client has gone or is too slow.
    Client,
    /// The request is answered with this status of httpd.
    Status(c_int),
}

impl BodyFailure {
    fn of(error: AprError) -> Self {
        // What the HTTP filter returns for a body over LimitRequestBody, for chunks that are none, and for a coding it does
        // not know; AP_FILTER_ERROR means that a filter has sent the response already.
        match error.0 {
            sys::AP_FILTER_ERROR => Self::Status(sys::DONE),
            libc::ENOSPC => Self::Status(HTTP_REQUEST_ENTITY_TOO_LARGE),
            APR_EGENERAL | libc::EINVAL => Self::Status(HTTP_BAD_REQUEST),
            APR_ENOTIMPL => Self::Status(HTTP_NOT_IMPLEMENTED),
            _ => Self::Client,
        }
    }

    /// The exception for it.
    pub(super) fn raise(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Client => PyOSError::new_err("Client read error (Timeout?)"),
            Self::Status(status) => server_return(py, status),
        }
    }
}

/// What was read ahead, and how far the body is.
#[derive(Default)]
pub struct RequestBody {
    pub(super) stage: BodyStage,
    buffer: Vec<u8>,
    /// How much of the buffer was given away.
    start: usize,
    /// How much of the rest is known to have no line feed.
    searched: usize,
}

impl RequestBody {
    /// What stands in for a body while a call reads it.
    pub(super) fn busy() -> Self {
        Self { stage: BodyStage::Busy, ..Self::default() }
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    fn give(&mut self, count: usize) -> Vec<u8> {
        self.searched = 0;
        if self.start == 0 && count >= self.buffer.len() {
            return std::mem::take(&mut self.buffer);
        }
        let given = self.rest().get(..count).unwrap_or_default().to_vec();
        self.start += given.len();
        if self.start >= self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        }
        given
    }

    /// Makes the body readable at the first call.
    fn open(&mut self, record: RequestRec) -> Result<(), BodyFailure> {
        match self.stage {
            BodyStage::Untouched => match record.setup_body() {
                Ok(true) => self.stage = BodyStage::Open,
                Ok(false) => self.stage = BodyStage::AtEnd,
                Err(status) => return Err(self.fail(record, BodyFailure::Status(status))),
            },
            BodyStage::Failed(failure) => return Err(failure),
            _ => {}
        }
        Ok(())
    }

    fn fail(&mut self, record: RequestRec, failure: BodyFailure) -> BodyFailure {
        self.stage = BodyStage::Failed(failure);
        // Where the next request on the connection begins is not known any more.
        record.close_connection();
        failure
    }

    /// Appends to `target` what httpd has, at most `most` bytes, or with `fill` all of them.
    fn pull(&mut self, record: RequestRec, target: &mut Vec<u8>, most: usize, fill: bool) -> Result<(), BodyFailure> {
        let before = target.len();
        target.resize(before + most, 0);
        let result = match target.get_mut(before..) {
            Some(space) => record.read_body(space, fill),
            None => Ok((0, true)),
        };
        match result {
            Ok((count, at_end)) => {
                target.truncate(before + count);
                if at_end {
                    self.stage = BodyStage::AtEnd;
                }
                Ok(())
            }
            Err(error) => {
                target.truncate(before);
                Err(self.fail(record, BodyFailure::of(error)))
            }
        }
    }

    /// At most `limit` bytes, fewer only at the end.
    pub(super) fn read(&mut self, record: RequestRec, limit: Option<usize>) -> Result<Vec<u8>, BodyFailure> {
        self.open(record)?;
        let limit = limit.unwrap_or(usize::MAX);
        let mut result = self.give(limit.min(self.rest().len()));
        while self.stage == BodyStage::Open && result.len() < limit {
            let most = BLOCK.min(limit - result.len());
            self.pull(record, &mut result, most, true)?;
        }
        Ok(result)
    }

    /// A line with its line feed, at most `limit` bytes of it, from what was read ahead.
    pub(super) fn buffered_line(&mut self, limit: Option<usize>) -> Option<Vec<u8>> {
        let limit = limit.unwrap_or(usize::MAX);
        let rest = self.rest();
        let unknown = rest.get(self.searched..).unwrap_or_default();
        let end = memchr::memchr(b'\n', unknown).map(|at| self.searched + at + 1);
        let length = match end {
            Some(end) => end.min(limit),
            None if rest.len() >= limit => limit,
            None if self.stage == BodyStage::AtEnd => rest.len(),
            None => {
                self.searched = rest.len();
                return None;
            }
        };
        Some(self.give(length))
    }

    /// A line with its line feed, at most `limit` bytes of it; empty at the end.
    pub(super) fn read_line(&mut self, record: RequestRec, limit: Option<usize>) -> Result<Vec<u8>, BodyFailure> {
        self.open(record)?;
        loop {
            if let Some(line) = self.buffered_line(limit) {
                return Ok(line);
            }
            if self.start > 0 {
                self.buffer.drain(..self.start);
                self.start = 0;
            }
            let mut buffer = std::mem::take(&mut self.buffer);
            let result = self.pull(record, &mut buffer, BLOCK, false);
            self.buffer = buffer;
            result?;
        }
    }

    /// Lines until they have `hint` bytes together, or to the end.
    pub(super) fn read_lines(&mut self, record: RequestRec, hint: Option<usize>) -> Result<Vec<Vec<u8>>, BodyFailure> {
        let mut lines = Vec::new();
        let mut total = 0;
        while hint.is_none_or(|hint| total < hint) {
            let line = self.read_line(record, None)?;
            if line.is_empty() {
                break;
            }
            total += line.len();
            lines.push(line);
        }
        Ok(lines)
    }

    /// Throws the rest away. Returns a status of httpd.
    pub(super) fn discard(&mut self, record: RequestRec) -> c_int {
        self.buffer = Vec::new();
        self.start = 0;
        let status = record.discard_body();
        self.stage = if status == 0 { BodyStage::AtEnd } else { BodyStage::Failed(BodyFailure::Status(status)) };
        status
    }
}
