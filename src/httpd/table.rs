//! `apr_table_t`: case-insensitive, ordered, multi-valued.

use std::ffi::c_char;
use std::ptr::NonNull;

use crate::httpd::pool::Pool;
use crate::httpd::sys;
use crate::httpd::text::text;

/// A live table, on the thread of its pool.
#[derive(Clone, Copy)]
pub struct TableRef(NonNull<sys::apr_table_t>);

impl TableRef {
    /// # Safety
    /// `table` is null or live while the value is used, and belongs to the calling thread.
    pub unsafe fn from_ptr(table: *mut sys::apr_table_t) -> Option<Self> {
        NonNull::new(table).map(Self)
    }

    /// The pool that the table's own memory is in; what is stored in the table must live as long.
    pub fn pool(&self) -> Pool {
        // SAFETY: a table is an array, which knows its pool; that pool is live and belongs to this thread like the table.
        unsafe { Pool::from_ptr((*sys::apr_table_elts(self.0.as_ptr())).pool) }
    }

    /// How many entries there are, duplicates included.
    pub fn len(&self) -> usize {
        // SAFETY: as above.
        usize::try_from(unsafe { (*sys::apr_table_elts(self.0.as_ptr())).nelts }).unwrap_or(0)
    }

    /// The entries in order; a value may be absent where another module stored a null.
    pub fn entries(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.raw_entries().iter().filter_map(|entry| bytes(entry.key).map(|key| (key, bytes(entry.val))))
    }

    /// The first value of `key`.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.entries().find(|(k, _)| k.eq_ignore_ascii_case(key)).and_then(|(_, v)| v)
    }

    /// Replaces all entries of `key`.
    pub fn set(&self, pool: Pool, key: &[u8], value: &[u8]) {
        // SAFETY: both strings are in the table's pool or one that lives as long; setn keeps the pointers.
        unsafe { sys::apr_table_setn(self.0.as_ptr(), pool.bytes(key), pool.bytes(value)) }
    }

    /// Adds an entry behind the others.
    pub fn add(&self, pool: Pool, key: &[u8], value: &[u8]) {
        // SAFETY: as in `set`.
        unsafe { sys::apr_table_addn(self.0.as_ptr(), pool.bytes(key), pool.bytes(value)) }
    }

    /// Removes all entries of `key`.
    pub fn unset(&self, pool: Pool, key: &[u8]) {
        // SAFETY: the key ends in NUL; the table is live.
        unsafe { sys::apr_table_unset(self.0.as_ptr(), pool.bytes(key)) }
    }

    /// Removes everything.
    pub fn clear(&self) {
        // SAFETY: the table is live.
        unsafe { sys::apr_table_clear(self.0.as_ptr()) }
    }

    /// Removes the entry at `index`, and no duplicate of it.
    pub fn remove(&self, index: usize) {
        let kept: Vec<(*const c_char, *const c_char)> = self
            .raw_entries()
            .iter()
            .enumerate()
            .filter(|(i, _)| *i != index)
            .map(|(_, entry)| (entry.key.cast_const(), entry.val.cast_const()))
            .collect();
        self.clear();
        for (key, value) in kept {
            // SAFETY: the strings were in the table, so they live as long as it does; a null value is kept as it was.
            unsafe { sys::apr_table_addn(self.0.as_ptr(), key, value) }
        }
    }

    fn raw_entries(&self) -> &[sys::apr_table_entry_t] {
        // SAFETY: a table is an array of apr_table_entry_t; both live as long as its pool. A null array has no elements.
        unsafe {
            let array = sys::apr_table_elts(self.0.as_ptr());
            let count = usize::try_from((*array).nelts).unwrap_or(0);
            if count == 0 || (*array).elts.is_null() {
                &[][..]
            } else {
                std::slice::from_raw_parts((*array).elts.cast::<sys::apr_table_entry_t>(), count)
            }
        }
    }
}

fn bytes<'a>(string: *const c_char) -> Option<&'a [u8]> {
    // SAFETY: table strings are NUL-terminated and live as long as the table, which bounds every use above.
    unsafe { text(string) }
}
