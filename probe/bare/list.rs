//! Lists without a heap.

use core::mem::MaybeUninit;

/// A list of fixed capacity.
#[derive(Debug)]
pub struct List<T, const N: usize> {
    pub(super) len: usize,
    items: [MaybeUninit<T>; N],
}

impl<T, const N: usize> List<T, N> {
    pub const fn new() -> Self {
        Self { len: 0, items: [const { MaybeUninit::uninit() }; N] }
    }

    /// Appends, while there is room.
    pub fn push(&mut self, item: T) -> bool {
        let Some(free) = self.items.get_mut(self.len) else { return false };
        free.write(item);
        self.len += 1;
        true
    }

    pub fn as_slice(&self) -> &[T] {
        // SAFETY: the first `len` items were written.
        unsafe { core::slice::from_raw_parts(self.items.as_ptr().cast(), self.len) }
    }

    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: the first `len` items were written.
        unsafe { core::slice::from_raw_parts_mut(self.items.as_mut_ptr().cast(), self.len) }
    }
}
