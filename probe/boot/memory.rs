//! Memory that vCPUs share.

use core::cell::UnsafeCell;

/// A static that is handed out as a raw pointer.
#[derive(Debug)]
pub struct Shared<T>(UnsafeCell<T>);

// SAFETY: every use of the pointer says why it is alone there.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    pub const fn get(&self) -> *mut T {
        self.0.get()
    }
}
