//! Memory and a lock that the parent makes and all its children share.
//!
//! ```
//! use std::sync::atomic::{AtomicU64, Ordering};
//! use os::shared_memory::{RobustMutex, Shared, ZeroInit};
//!
//! #[repr(C)]
//! struct Page { mutex: RobustMutex, count: AtomicU64 }
//! // SAFETY: an atomic, and a mutex that is initialised below; no pointers, no destructor.
//! unsafe impl ZeroInit for Page {}
//!
//! let page = Shared::<Page>::new()?;     // before the first child is forked
//! page.mutex.init()?;
//! // in any child:
//! if let Some(_held) = page.mutex.lock() {
//!     page.count.fetch_add(1, Ordering::Relaxed);
//! }
//! # Ok::<(), std::io::Error>(())
//! ```

use std::cell::UnsafeCell;
use std::io;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;

/// Memory shared with the processes forked from this one. Unmapped here when dropped; others keep their mapping.
pub struct Shared<T> {
    place: NonNull<T>,
    _owns: PhantomData<T>,
}

// SAFETY: the value is reached by shared reference only, which T, being Sync, allows from many threads and, as a `ZeroInit`, from
// many processes.
unsafe impl<T: Sync> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Shared<T> {}

/// Types that are valid when all their bytes are zero, hold no pointers, and need no destructor.
///
/// # Safety
/// All of that is true of the type, in every process that maps it.
pub unsafe trait ZeroInit: Sync {}

impl<T: ZeroInit> Shared<T> {
    /// Maps zeroed memory for a value.
    ///
    /// # Errors
    /// What mmap says.
    pub fn new() -> io::Result<Self> {
        Ok(Self { place: map(size_of::<T>())?.cast(), _owns: PhantomData })
    }
}

/// Maps zeroed memory; a page of it is taken when it is first written to.
fn map(size: usize) -> io::Result<NonNull<libc::c_void>> {
    // SAFETY: a fresh anonymous mapping; nothing else is touched.
    let place = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if place == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(place).ok_or_else(io::Error::last_os_error)
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: mapped in `new`, zero bytes are a valid T, and unmapped only when `self` goes.
        unsafe { self.place.as_ref() }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and this size.
        unsafe { libc::munmap(self.place.as_ptr().cast(), size_of::<T>()) };
    }
}

/// Like [`Shared`], with a number of values that is known at run time.
pub struct SharedList<T> {
    place: NonNull<T>,
    length: usize,
    _owns: PhantomData<T>,
}

// SAFETY: as for `Shared`.
unsafe impl<T: Sync> Send for SharedList<T> {}
// SAFETY: as for `Shared`.
unsafe impl<T: Sync> Sync for SharedList<T> {}

impl<T: ZeroInit> SharedList<T> {
    /// Maps zeroed memory for `length` values, of which there is at least one.
    ///
    /// # Errors
    /// What mmap says.
    pub fn new(length: usize) -> io::Result<Self> {
        let length = length.max(1);
        let size = size_of::<T>().checked_mul(length).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { place: map(size)?.cast(), length, _owns: PhantomData })
    }
}

impl<T> Deref for SharedList<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: mapped in `new` for this many values, each valid when zero, and unmapped only when `self` goes.
        unsafe { std::slice::from_raw_parts(self.place.as_ptr(), self.length) }
    }
}

impl<T> Drop for SharedList<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and this size.
        unsafe { libc::munmap(self.place.as_ptr().cast(), size_of::<T>() * self.length) };
    }
}

/// A lock between processes that survives the death of its holder.
#[repr(transparent)]
pub struct RobustMutex(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: a process-shared pthread mutex is made to be used from everywhere.
unsafe impl Sync for RobustMutex {}

/// A robust mutex that is held. Dropping it unlocks.
pub struct RobustGuard<'a> {
    mutex: &'a RobustMutex,
    /// The last holder died while it held the lock, so that the state behind it may be half changed.
    pub holder_died: bool,
    /// The thread that locked a pthread mutex has to unlock it, so that the guard stays on its thread.
    _on_this_thread: PhantomData<*const ()>,
}

impl<'a> RobustGuard<'a> {
    fn new(mutex: &'a RobustMutex, holder_died: bool) -> Self {
        Self { mutex, holder_died, _on_this_thread: PhantomData }
    }
}

impl RobustMutex {
    /// Makes the mutex usable. Called once, in the parent, before anything locks it.
    ///
    /// # Errors
    /// What pthread says.
    pub fn init(&self) -> io::Result<()> {
        // SAFETY: the attributes are initialised before use, the mutex is in zeroed shared memory and unused so far.
        unsafe {
            let mut attributes = std::mem::MaybeUninit::uninit();
            check(libc::pthread_mutexattr_init(attributes.as_mut_ptr()))?;
            check(libc::pthread_mutexattr_setpshared(attributes.as_mut_ptr(), libc::PTHREAD_PROCESS_SHARED))?;
            check(libc::pthread_mutexattr_setrobust(attributes.as_mut_ptr(), libc::PTHREAD_MUTEX_ROBUST))?;
            let result = check(libc::pthread_mutex_init(self.0.get(), attributes.as_ptr()));
            libc::pthread_mutexattr_destroy(attributes.as_mut_ptr());
            result
        }
    }

    /// Waits for the lock. Returns none if the mutex has become unusable.
    pub fn lock(&self) -> Option<RobustGuard<'_>> {
        // SAFETY: initialised by `init`.
        match unsafe { libc::pthread_mutex_lock(self.0.get()) } {
            0 => Some(RobustGuard::new(self, false)),
            libc::EOWNERDEAD => {
                // SAFETY: this thread holds the mutex now, and the caller that finds `holder_died` repairs the state.
                unsafe { libc::pthread_mutex_consistent(self.0.get()) };
                Some(RobustGuard::new(self, true))
            }
            _ => None,
        }
    }
}

impl Drop for RobustGuard<'_> {
    fn drop(&mut self) {
        // SAFETY: held by this thread since `lock`.
        unsafe { libc::pthread_mutex_unlock(self.mutex.0.get()) };
    }
}

fn check(status: libc::c_int) -> io::Result<()> {
    if status == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(status)) }
}
