//! `mp_table`: a case-insensitive, ordered, multi-valued mapping of texts; a live view of one of httpd's tables, or its own.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::{PyKeyError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyMapping, PyString, PyTuple};

use crate::api::convert::refused;
use crate::api::text::{any_str, to_str as text};
use crate::httpd::lease::Leased;
use crate::httpd::sys;
use crate::httpd::table::TableRef;
use crate::python::gil::GilCell;

type Entries = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// A name and its value as Python gets them; the value is missing where another module stored a null.
type TableItem<'py> = (Bound<'py, PyString>, Option<Bound<'py, PyString>>);

/// Where the entries are. The view of a record asks for the table at every access: httpd replaces some of them.
enum TableSource {
    Request(Leased<sys::request_rec>, fn(&sys::request_rec) -> *mut sys::apr_table_t),
    Connection(Leased<sys::conn_rec>, fn(&sys::conn_rec) -> *mut sys::apr_table_t),
    Owned(GilCell<Entries>),
}

/// Texts by name. Names are compared without regard to case and may occur several times; the order is that of insertion.
///
/// Keys and values are `str` or `bytes` (or subclasses) when stored and `str` when read. Everything that reaches a table of a
/// request raises `RuntimeError` after the request's end and on other threads than its own.
#[pyclass(frozen, mapping, name = "mp_table", module = "_apache")]
pub struct Table {
    source: TableSource,
}

impl Table {
    /// A live view of a request's table.
    pub fn of_request(record: Leased<sys::request_rec>, field: fn(&sys::request_rec) -> *mut sys::apr_table_t) -> Self {
        Self { source: TableSource::Request(record, field) }
    }

    /// A live view of a connection's table.
    pub fn of_connection(record: Leased<sys::conn_rec>, field: fn(&sys::conn_rec) -> *mut sys::apr_table_t) -> Self {
        Self { source: TableSource::Connection(record, field) }
    }

    /// A table of its own.
    pub fn owned(entries: impl IntoIterator<Item = (String, String)>) -> Self {
        Self::with(entries.into_iter().map(|(k, v)| (k.into_bytes(), Some(v.into_bytes()))).collect())
    }

    fn with(entries: Entries) -> Self {
        Self { source: TableSource::Owned(GilCell::new(entries)) }
    }

    /// httpd's table; `None` for an owned one.
    fn live(&self) -> PyResult<Option<TableRef>> {
        let pointer = match &self.source {
            TableSource::Request(record, field) => {
                let record: NonNull<_> = record.get().map_err(|r| refused("request", r))?;
                // SAFETY: the lease says that the record is live and this thread's.
                field(unsafe { record.as_ref() })
            }
            TableSource::Connection(record, field) => {
                let record: NonNull<_> = record.get().map_err(|r| refused("connection", r))?;
                // SAFETY: as above.
                field(unsafe { record.as_ref() })
            }
            TableSource::Owned(_) => return Ok(None),
        };
        // SAFETY: a table of a live record is live and belongs to the record's thread.
        match unsafe { TableRef::from_ptr(pointer) } {
            Some(table) => Ok(Some(table)),
            None => Err(PyRuntimeError::new_err("httpd has not made this table yet")),
        }
    }

    /// Shows each entry in order until `f` returns false. `f` may make texts but must not run Python code.
    fn each(&self, py: Python<'_>, mut f: impl FnMut(&[u8], Option<&[u8]>) -> bool) -> PyResult<()> {
        if let TableSource::Owned(entries) = &self.source {
            let entries = entries.borrow(py);
            for (key, value) in entries.iter() {
                if !f(key, value.as_deref()) {
                    break;
                }
            }
        } else if let Some(table) = self.live()? {
            for (key, value) in table.entries() {
                if !f(key, value) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The values of `key` in order.
    fn all<'py>(&self, py: Python<'py>, key: &[u8]) -> PyResult<Vec<Option<Bound<'py, PyString>>>> {
        let mut found = Vec::new();
        self.each(py, |k, v| {
            if k.eq_ignore_ascii_case(key) {
                found.push(v.map(|v| text(py, v)));
            }
            true
        })?;
        Ok(found)
    }

    /// The first value of `key`; the outer `None` tells that there is no such entry.
    fn first<'py>(&self, py: Python<'py>, key: &[u8]) -> PyResult<Option<Option<Bound<'py, PyString>>>> {
        let mut found = None;
        self.each(py, |k, v| {
            if k.eq_ignore_ascii_case(key) {
                found = Some(v.map(|v| text(py, v)));
            }
            found.is_none()
        })?;
        Ok(found)
    }

    /// The entry at `index`.
    fn at<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Option<TableItem<'py>>> {
        let item = |key: &[u8], value: Option<&[u8]>| (text(py, key), value.map(|v| text(py, v)));
        Ok(match &self.source {
            TableSource::Owned(entries) => entries.borrow(py).get(index).map(|(k, v)| item(k, v.as_deref())),
            _ => self.live()?.and_then(|table| table.entries().nth(index).map(|(k, v)| item(k, v))),
        })
    }

    fn size(&self, py: Python<'_>) -> PyResult<usize> {
        match &self.source {
            TableSource::Owned(entries) => Ok(entries.borrow(py).len()),
            _ => Ok(self.live()?.map_or(0, |table| table.len())),
        }
    }

    fn store(&self, py: Python<'_>, key: &[u8], value: &[u8]) -> PyResult<()> {
        if let TableSource::Owned(entries) = &self.source {
            let mut entries = entries.borrow(py);
            let place = entries.iter().position(|(k, _)| k.eq_ignore_ascii_case(key));
            match place {
                Some(place) => {
                    let mut index = 0;
                    entries.retain(|(k, _)| {
                        index += 1;
                        index <= place + 1 || !k.eq_ignore_ascii_case(key)
                    });
                    if let Some(entry) = entries.get_mut(place) {
                        entry.1 = Some(value.to_vec());
                    }
                }
                None => entries.push((key.to_vec(), Some(value.to_vec()))),
            }
        } else if let Some(table) = self.live()? {
            table.set(table.pool(), key, value);
        }
        Ok(())
    }

    fn append(&self, py: Python<'_>, key: &[u8], value: &[u8]) -> PyResult<()> {
        if let TableSource::Owned(entries) = &self.source {
            entries.borrow(py).push((key.to_vec(), Some(value.to_vec())));
        } else if let Some(table) = self.live()? {
            table.add(table.pool(), key, value);
        }
        Ok(())
    }

    fn remove_all(&self, py: Python<'_>, key: &[u8]) -> PyResult<()> {
        if let TableSource::Owned(entries) = &self.source {
            entries.borrow(py).retain(|(k, _)| !k.eq_ignore_ascii_case(key));
        } else if let Some(table) = self.live()? {
            table.unset(table.pool(), key);
        }
        Ok(())
    }

    fn snapshot(&self, py: Python<'_>) -> PyResult<Entries> {
        let mut entries = Entries::new();
        self.each(py, |k, v| {
            entries.push((k.to_vec(), v.map(<[u8]>::to_vec)));
            true
        })?;
        Ok(entries)
    }

    /// Takes over a table, another mapping, or pairs: each name replaces what is there under it.
    fn merge(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Ok(table) = other.cast::<Self>() {
            let entries = table.get().snapshot(py)?;
            for (key, _) in &entries {
                self.remove_all(py, key)?;
            }
            for (key, value) in &entries {
                self.append(py, key, value.as_deref().unwrap_or_default())?;
            }
            return Ok(());
        }
        if other.hasattr("keys")? {
            for key in other.call_method0("keys")?.try_iter()? {
                let key = key?;
                let value = other.get_item(&key)?;
                self.store(py, &stringified(&key)?, &stringified(&value)?)?;
            }
            return Ok(());
        }
        for (index, pair) in other.try_iter()?.enumerate() {
            let pair = pair?;
            let Ok(parts) = pair.try_iter().and_then(|parts| parts.collect::<PyResult<Vec<_>>>()) else {
                return Err(PyTypeError::new_err(format!("cannot convert element #{index} to a pair")));
            };
            let [key, value] = parts.as_slice() else {
                return Err(PyValueError::new_err(format!(
                    "element #{index} has length {}; 2 is required",
                    parts.len()
                )));
            };
            self.store(py, &stringified(key)?, &stringified(value)?)?;
        }
        Ok(())
    }

    /// As a `dict`: a name that occurs several times, in whatever case, is one item with the list of its values.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let result = PyDict::new(py);
        let entries = self.snapshot(py)?;
        for (index, (key, _)) in entries.iter().enumerate() {
            let same = |e: &&(Vec<u8>, Option<Vec<u8>>)| e.0.eq_ignore_ascii_case(key);
            if entries.iter().take(index).any(|e| same(&e)) {
                continue;
            }
            let values: Vec<Option<Bound<'_, PyString>>> =
                entries.iter().filter(same).map(|(_, v)| v.as_deref().map(|v| text(py, v))).collect();
            match values.as_slice() {
                [one] => result.set_item(text(py, key), one)?,
                _ => result.set_item(text(py, key), values)?,
            }
        }
        Ok(result)
    }
}

/// Text and bytes as they are, anything else as `str()` shows it.
fn stringified(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if value.is_instance_of::<PyString>() || value.is_instance_of::<PyBytes>() {
        any_str(value)
    } else {
        any_str(value.str()?.as_any())
    }
}

#[pymethods]
impl Table {
    /// A new table from a mapping or from pairs. Later duplicates replace earlier ones.
    ///
    /// Raises TypeError for an element that is no sequence, ValueError for one that has not exactly two parts.
    #[new]
    #[pyo3(signature = (items=None))]
    fn new(py: Python<'_>, items: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let table = Self::with(Entries::new());
        if let Some(items) = items {
            table.merge(py, items)?;
        }
        Ok(table)
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.size(py)
    }

    /// The value of `key`, or the list of its values if it occurs several times; KeyError if it does not.
    fn __getitem__<'py>(&self, py: Python<'py>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let values = self.all(py, &any_str(key)?)?;
        match values.as_slice() {
            [] => Err(PyKeyError::new_err(key.clone().unbind())),
            [one] => Ok(one.clone().into_pyobject(py)?),
            _ => Ok(PyList::new(py, values)?.into_any()),
        }
    }

    fn __setitem__(&self, py: Python<'_>, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.store(py, &any_str(key)?, &any_str(value)?)
    }

    /// Removes every entry of `key`; a missing key is no error.
    fn __delitem__(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<()> {
        self.remove_all(py, &any_str(key)?)
    }

    fn __contains__(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.first(py, &any_str(key)?)?.is_some())
    }

    /// 1 if `key` is there, else 0.
    fn has_key(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<u8> {
        self.__contains__(py, key).map(u8::from)
    }

    /// The first value of `key`, or `default`.
    #[pyo3(signature = (key, default=None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(match self.first(py, &any_str(key)?)? {
            Some(value) => value.map(Bound::into_any),
            None => default,
        })
    }

    /// Adds an entry behind the others, whether or not `key` is there already.
    fn add(&self, py: Python<'_>, key: &Bound<'_, PyAny>, val: &Bound<'_, PyAny>) -> PyResult<()> {
        self.append(py, &any_str(key)?, &any_str(val)?)
    }

    /// The first value of `key`; if there is none, `default` (else "") is stored and returned.
    #[pyo3(signature = (key, default=None))]
    fn setdefault<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
        default: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyString>>> {
        let key = any_str(key)?;
        if let Some(value) = self.first(py, &key)? {
            return Ok(value);
        }
        let value = default.map_or_else(|| Ok(Vec::new()), any_str)?;
        self.store(py, &key, &value)?;
        Ok(Some(text(py, &value)))
    }

    /// Takes over the entries of a mapping or of pairs; each name replaces what is there under it.
    fn update(&self, py: Python<'_>, items: &Bound<'_, PyAny>) -> PyResult<()> {
        self.merge(py, items)
    }

    /// The names in order, duplicates included.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyString>>> {
        let mut keys = Vec::new();
        self.each(py, |k, _| {
            keys.push(text(py, k));
            true
        })?;
        Ok(keys)
    }

    /// The values in order.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Vec<Option<Bound<'py, PyString>>>> {
        let mut values = Vec::new();
        self.each(py, |_, v| {
            values.push(v.map(|v| text(py, v)));
            true
        })?;
        Ok(values)
    }

    /// The pairs of name and value in order.
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Vec<TableItem<'py>>> {
        let mut items = Vec::new();
        self.each(py, |k, v| {
            items.push((text(py, k), v.map(|v| text(py, v))));
            true
        })?;
        Ok(items)
    }

    fn __iter__(slf: Bound<'_, Self>) -> PyResult<TableIterator> {
        TableIterator::over(slf, Part::Keys)
    }

    /// An iterator over `keys()`.
    fn iterkeys(slf: Bound<'_, Self>) -> PyResult<TableIterator> {
        TableIterator::over(slf, Part::Keys)
    }

    /// An iterator over `values()`.
    fn itervalues(slf: Bound<'_, Self>) -> PyResult<TableIterator> {
        TableIterator::over(slf, Part::Values)
    }

    /// An iterator over `items()`.
    fn iteritems(slf: Bound<'_, Self>) -> PyResult<TableIterator> {
        TableIterator::over(slf, Part::Items)
    }

    /// A table of its own with the same entries, duplicates included.
    fn copy(&self, py: Python<'_>) -> PyResult<Self> {
        Ok(Self::with(self.snapshot(py)?))
    }

    /// Removes everything.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        if let TableSource::Owned(entries) = &self.source {
            entries.borrow(py).clear();
        } else if let Some(table) = self.live()? {
            table.clear();
        }
        Ok(())
    }

    /// Removes `key` and returns its first value; if it is not there, `default`, or KeyError without one.
    #[pyo3(signature = (key, *default))]
    fn pop<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
        default: &Bound<'py, PyTuple>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let name = any_str(key)?;
        if let Some(value) = self.first(py, &name)? {
            self.remove_all(py, &name)?;
            return Ok(value.map(Bound::into_any));
        }
        match default.len() {
            0 => Err(PyKeyError::new_err(key.clone().unbind())),
            1 => default.get_item(0).map(Some),
            n => Err(PyTypeError::new_err(format!("pop expected at most 2 arguments, got {}", n + 1))),
        }
    }

    /// Removes the last entry and returns its name and value; KeyError if there is none.
    fn popitem<'py>(&self, py: Python<'py>) -> PyResult<TableItem<'py>> {
        let empty = || PyKeyError::new_err("popitem(): the table is empty");
        if let TableSource::Owned(entries) = &self.source {
            let (key, value) = entries.borrow(py).pop().ok_or_else(empty)?;
            return Ok((text(py, &key), value.map(|v| text(py, &v))));
        }
        let table = self.live()?.ok_or_else(empty)?;
        let last = table.len().checked_sub(1).ok_or_else(empty)?;
        let item = self.at(py, last)?.ok_or_else(empty)?;
        table.remove(last);
        Ok(item)
    }

    /// Compares as a `dict` would: names with their case, and lists where a name occurs several times.
    fn __eq__<'py>(&self, py: Python<'py>, other: &Bound<'py, PyAny>) -> PyResult<Py<PyAny>> {
        let theirs = if let Ok(table) = other.cast::<Self>() {
            table.get().to_dict(py)?.into_any()
        } else if other.cast::<PyMapping>().is_ok() {
            other.clone()
        } else {
            return Ok(py.NotImplemented());
        };
        let equal = self.to_dict(py)?.eq(theirs)?;
        Ok(equal.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut parts = Vec::new();
        for (key, value) in self.items(py)? {
            let value = match value {
                Some(value) => value.repr()?.to_string_lossy().into_owned(),
                None => "None".to_owned(),
            };
            parts.push(format!("{}: {value}", key.repr()?.to_string_lossy()));
        }
        Ok(format!("{{{}}}", parts.join(", ")))
    }
}

/// What an iterator gives of each entry.
#[derive(Clone, Copy)]
enum Part {
    Keys,
    Values,
    Items,
}

/// Walks over a table; RuntimeError when the table's size changes meanwhile.
#[pyclass(frozen, name = "mp_table_iterator", module = "_apache")]
pub struct TableIterator {
    table: Py<Table>,
    part: Part,
    size: usize,
    next: AtomicUsize,
}

impl TableIterator {
    fn over(table: Bound<'_, Table>, part: Part) -> PyResult<Self> {
        let size = table.get().size(table.py())?;
        Ok(Self { table: table.unbind(), part, size, next: AtomicUsize::new(0) })
    }
}

#[pymethods]
impl TableIterator {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let table = self.table.get();
        let at = self.next.load(Ordering::Relaxed);
        if at >= self.size {
            return Ok(None);
        }
        if table.size(py)? != self.size {
            return Err(PyRuntimeError::new_err("table changed size during iteration"));
        }
        let Some((key, value)) = table.at(py, at)? else { return Ok(None) };
        self.next.store(at + 1, Ordering::Relaxed);
        Ok(Some(match self.part {
            Part::Keys => key.into_any(),
            Part::Values => value.into_pyobject(py)?,
            Part::Items => (key, value).into_pyobject(py)?.into_any(),
        }))
    }
}
