//! A reserve of memory for the Rust code of a child.
//!
//! Rust ends the process where an allocation fails. But if Python code has taken all memory, only that code is to fail, with
//! `MemoryError`, and the child is to go on. So a little memory is kept that Python cannot take: enough to pass the error on to where
//! the objects of that code are released.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

const SIZE: usize = 1 << 20;

/// The reserve. Nothing touches it before it is needed, so that until then it only takes address space.
#[repr(align(64))]
struct Area(UnsafeCell<[u8; SIZE]>);

// SAFETY: each part of it belongs to one allocation at most, to which `take` has given it.
unsafe impl Sync for Area {}

static AREA: Area = Area(UnsafeCell::new([0; SIZE]));

/// The number of allocations in the area, in the upper half, and how many bytes of it are taken. When the last allocation is freed,
/// all of it is free again.
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// The allocator: the system's, and the area when that has no memory left.
pub struct Reserved;

fn is_ours(memory: *mut u8) -> bool {
    memory.addr().wrapping_sub(AREA.0.get().addr()) < SIZE
}

/// Takes a part of the area; null if that is full as well.
fn take(layout: Layout) -> *mut u8 {
    let base = AREA.0.get().addr();
    let place = |taken: u64| {
        let end = base + (taken & u64::from(u32::MAX)) as usize;
        let start = end.checked_next_multiple_of(layout.align())? - base;
        let end = start.checked_add(layout.size()).filter(|end| *end <= SIZE)?;
        Some((start, ((taken >> 32) + 1) << 32 | end as u64))
    };
    let before = TAKEN.fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| place(taken).map(|(_, next)| next));
    match before.ok().and_then(place) {
        Some((start, _)) => AREA.0.get().cast::<u8>().wrapping_add(start),
        None => ptr::null_mut(),
    }
}

/// Gives a part of the area back.
fn give_back() {
    let less = |taken: u64| Some(if taken >> 32 == 1 { 0 } else { taken - (1 << 32) });
    let _ = TAKEN.fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
}

// SAFETY: memory that is not the system allocator's is a part of the area that belongs to one allocation, and is given back there.
unsafe impl GlobalAlloc for Reserved {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: promised by the caller.
        let memory = unsafe { System.alloc(layout) };
        if memory.is_null() { take(layout) } else { memory }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if is_ours(memory) {
            give_back();
        } else {
            // SAFETY: promised by the caller.
            unsafe { System.dealloc(memory, layout) };
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: promised by the caller.
        let memory = unsafe { System.alloc_zeroed(layout) };
        if !memory.is_null() {
            return memory;
        }
        let memory = take(layout);
        if !memory.is_null() {
            // SAFETY: this part of the area is as large as the layout and belongs to no other allocation. It may have been used before.
            unsafe { memory.write_bytes(0, layout.size()) };
        }
        memory
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !is_ours(memory) {
            // SAFETY: promised by the caller.
            let moved = unsafe { System.realloc(memory, layout, size) };
            if !moved.is_null() {
                return moved;
            }
        }
        // SAFETY: the caller promises that the size is not too large for this alignment.
        let larger = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: `memory` holds `layout.size()` bytes, and the new memory, which is another one, `size`.
        unsafe {
            let moved = self.alloc(larger);
            if !moved.is_null() {
                ptr::copy_nonoverlapping(memory, moved, layout.size().min(size));
                self.dealloc(memory, layout);
            }
            moved
        }
    }
}
