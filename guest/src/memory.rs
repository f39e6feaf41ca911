//! The allocator: the standard one, which while a model is loaded clears what is freed.
//!
//! A snapshot of a loaded instance then holds the model, and zeros where its ONNX file and
//! everything else on the way lay. Zeros take no room in a component, and can't be read in one.
#![expect(
    unsafe_code,
    reason = "an allocator hands out raw memory; this is the one place that does"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};

#[global_allocator]
static ALLOCATOR: Clearing = Clearing { clears: AtomicBool::new(false) };

/// Runs `load` with an allocator that clears what is freed.
pub(crate) fn clearing<T>(load: impl FnOnce() -> T) -> T {
    ALLOCATOR.clears.store(true, Ordering::Relaxed);
    let loaded = load();
    ALLOCATOR.clears.store(false, Ordering::Relaxed);
    loaded
}

struct Clearing {
    clears: AtomicBool,
}

// SAFETY: memory comes from the standard allocator and goes back to it, with the layout that it came
// with; what is written lies inside of it.
unsafe impl GlobalAlloc for Clearing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller owns `layout.size()` bytes there, and nobody reads them any more.
        unsafe {
            if self.clears.load(Ordering::Relaxed) {
                memory.write_bytes(0, layout.size());
            }
            System.dealloc(memory, layout);
        }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !self.clears.load(Ordering::Relaxed) {
            // SAFETY: as the caller promises.
            return unsafe { System.realloc(memory, layout, size) };
        }
        // SAFETY: the caller promises that `size` fits the alignment and that the old memory has
        // `layout.size()` bytes; two allocations do not overlap.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(memory, layout.size().min(size));
                self.dealloc(memory, layout);
            }
            moved
        }
    }
}
