//! The allocator: the standard one, with two habits.
//!
//! **While a model is loaded** it clears what is freed. A snapshot of a loaded instance then holds the
//! model, and zeros where its ONNX file and everything else on the way lay. Zeros take no room in a
//! component, and can't be read in one.
//!
//! **Once a model is loaded** small allocations come from a block of their own, one after the other,
//! which begins anew when all of them are free, as they are at the end of a call. That is quicker than
//! searching for holes, and a call of a fresh instance touches a few neighbouring pages of memory, not
//! holes all over it; each page that is touched first costs the host a page fault.
#![expect(
    unsafe_code,
    reason = "an allocator hands out raw memory; this is the one place that does"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

#[global_allocator]
static ALLOCATOR: Allocator = Allocator {
    clears: AtomicBool::new(false),
    block: Block {
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        top: AtomicUsize::new(0),
        live: AtomicUsize::new(0),
    },
};

/// The block's size in pages of 64 KiB: what a call with a thousand instances takes. Pages that no call
/// touches cost nothing.
const BLOCK_PAGES: usize = 64;
/// The largest allocation that comes from the block.
const LARGEST: usize = 64 << 10;

/// Runs `load` with an allocator that clears what is freed.
pub(crate) fn clearing<T>(load: impl FnOnce() -> T) -> T {
    ALLOCATOR.clears.store(true, Relaxed);
    let loaded = load();
    ALLOCATOR.clears.store(false, Relaxed);
    loaded
}

/// From now on small allocations come from the block. Where memory has no room for one, from where
/// they came before.
pub(crate) fn loaded() {
    let block = &ALLOCATOR.block;
    let page = core::arch::wasm32::memory_grow::<0>(BLOCK_PAGES);
    if block.start.load(Relaxed) == 0 && page != usize::MAX {
        let start = page << 16;
        block.end.store(start + (BLOCK_PAGES << 16), Relaxed);
        block.top.store(start, Relaxed);
        block.start.store(start, Relaxed);
    }
}

struct Allocator {
    clears: AtomicBool,
    block: Block,
}

/// Memory that is handed out from the bottom up. There is one thread; atomics are how a static has
/// fields that change.
struct Block {
    /// Its first byte; 0 while there is none.
    start: AtomicUsize,
    /// One past its last byte.
    end: AtomicUsize,
    /// The first free byte; all above it are free, too.
    top: AtomicUsize,
    /// How many allocations there are.
    live: AtomicUsize,
}

impl Block {
    /// Takes memory for a layout, if it is small and there is room.
    fn take(&self, layout: Layout) -> Option<*mut u8> {
        if layout.size() > LARGEST {
            return None;
        }
        let at = self.top.load(Relaxed).checked_next_multiple_of(layout.align())?;
        let top = at.checked_add(layout.size())?;
        if top > self.end.load(Relaxed) {
            return None;
        }
        self.top.store(top, Relaxed);
        self.live.store(self.live.load(Relaxed) + 1, Relaxed);
        Some(std::ptr::with_exposed_provenance_mut(at))
    }

    fn owns(&self, memory: *mut u8) -> bool {
        (self.start.load(Relaxed)..self.end.load(Relaxed)).contains(&memory.addr())
    }

    /// Gives memory of the block back.
    fn give_back(&self, memory: *mut u8, layout: Layout) {
        let live = self.live.load(Relaxed) - 1;
        self.live.store(live, Relaxed);
        if live == 0 {
            self.top.store(self.start.load(Relaxed), Relaxed);
        } else if memory.addr() + layout.size() == self.top.load(Relaxed) {
            self.top.store(memory.addr(), Relaxed);
        }
    }

    /// Makes the topmost allocation larger or smaller where it lies, if it is that and there is room.
    fn resize(&self, memory: *mut u8, layout: Layout, size: usize) -> bool {
        let is_last = memory.addr() + layout.size() == self.top.load(Relaxed);
        let top = memory.addr().checked_add(size).filter(|top| *top <= self.end.load(Relaxed));
        match top {
            Some(top) if is_last => {
                self.top.store(top, Relaxed);
                true
            }
            _ => false,
        }
    }
}

// SAFETY: memory comes from the standard allocator and goes back to it, with the layout that it came
// with, or it comes from the block, whose allocations do not overlap and are known by their address.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        self.block.take(layout).unwrap_or_else(|| unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match self.block.take(layout) {
            Some(memory) => {
                // SAFETY: the block has just handed out these bytes.
                unsafe { memory.write_bytes(0, layout.size()) };
                memory
            }
            // SAFETY: as the caller promises.
            None => unsafe { System.alloc_zeroed(layout) },
        }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if self.block.owns(memory) {
            return self.block.give_back(memory, layout);
        }
        // SAFETY: the caller owns `layout.size()` bytes there, and nobody reads them any more.
        unsafe {
            if self.clears.load(Relaxed) {
                memory.write_bytes(0, layout.size());
            }
            System.dealloc(memory, layout);
        }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let ours = self.block.owns(memory);
        if ours && self.block.resize(memory, layout, size) {
            return memory;
        }
        if !ours && !self.clears.load(Relaxed) {
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
