//! The allocator: the standard library's, [dlmalloc](heap), with two habits.
//!
//! **While a model is loaded to be baked** it clears what is freed. A snapshot of the instance then holds the
//! model, and zeros where its ONNX file and everything else on the way lay. Zeros take no room in a
//! component, and can't be read in one. It also keeps what stays apart from what goes, so that those zeros
//! lie behind the model and not in it: see [`layout`].
//!
//! **Once a model is loaded** small allocations come from a [block] of their own.
#![expect(
    unsafe_code,
    reason = "an allocator hands out raw memory; this is the one place that does"
)]

mod block;
mod census;
mod heap;
pub(crate) mod layout;
mod shelf;

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;

use block::Block;
use census::Census;
use heap::Heap;
use shelf::Shelf;

#[global_allocator]
static MEMORY: Memory = Memory(UnsafeCell::new(State {
    heap: Heap::new(None),
    block: Block::NONE,
    tracked: Tracked::No,
    clears: false,
}));

struct Memory(UnsafeCell<State>);

// SAFETY: the component has one thread.
unsafe impl Sync for Memory {}

/// All that the allocator knows.
struct State {
    heap: Heap,
    block: Block,
    tracked: Tracked,
    /// Whether what is freed is cleared.
    clears: bool,
}

/// What is noted of allocations while a model is loaded to be baked.
enum Tracked {
    No,
    /// Which of them stay.
    Observed(Census),
    /// Those that will stay have a place of their own.
    Arranged(Shelf),
}

impl Memory {
    /// Runs something on the state, which must not allocate.
    fn with<T>(&self, run: impl FnOnce(&mut State) -> T) -> T {
        // SAFETY: there is one thread, and `run` does not come back here, as it does not allocate.
        run(unsafe { &mut *self.0.get() })
    }
}

/// A model is loaded: nothing more is cleared, and from now on small allocations come from the block. Where memory has no room for one, from where
/// they came before.
pub(crate) fn loaded() {
    MEMORY.with(|state| {
        state.clears = false;
        if state.block.is_none() {
            state.block = Block::new(state.heap.pages());
        }
    });
}

impl State {
    /// # Safety
    /// As for [`GlobalAlloc::alloc`].
    unsafe fn alloc(&mut self, layout: Layout, zeroed: bool) -> *mut u8 {
        if let Some(memory) = self.block.take(layout) {
            if zeroed {
                // SAFETY: the block has just handed out these bytes.
                unsafe { memory.write_bytes(0, layout.size()) };
            }
            return memory;
        }
        match &mut self.tracked {
            Tracked::No => {}
            // SAFETY: as the caller promises.
            Tracked::Observed(census) => unsafe {
                return census.alloc(&mut self.heap, layout, zeroed);
            },
            // Nobody has had this memory before, so that it is zero.
            Tracked::Arranged(shelf) => {
                if let Some(memory) = shelf.take(layout) {
                    return memory;
                }
            }
        }
        // SAFETY: as the caller promises.
        unsafe { self.heap.alloc(layout, zeroed) }
    }

    /// # Safety
    /// As for [`GlobalAlloc::dealloc`].
    unsafe fn dealloc(&mut self, memory: *mut u8, layout: Layout) {
        if self.block.owns(memory) {
            return self.block.give_back(memory, layout);
        }
        // SAFETY: the caller owns `layout.size()` bytes there, which nobody reads any more, and they are
        // of the heap unless they are the shelf's.
        unsafe {
            if self.clears {
                memory.write_bytes(0, layout.size());
            }
            match &mut self.tracked {
                Tracked::Observed(census) => census.dealloc(&mut self.heap, memory, layout),
                Tracked::Arranged(shelf) if shelf.owns(memory) => {}
                _ => self.heap.dealloc(memory, layout),
            }
        }
    }

    /// # Safety
    /// As for [`GlobalAlloc::realloc`].
    unsafe fn realloc(&mut self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let in_block = self.block.owns(memory);
        if in_block && self.block.resize(memory, layout, size) {
            return memory;
        }
        let in_heap = match &self.tracked {
            Tracked::No => !in_block,
            Tracked::Observed(_) => false,
            Tracked::Arranged(shelf) => !in_block && !shelf.owns(memory),
        };
        if in_heap && !self.clears {
            // SAFETY: as the caller promises.
            return unsafe { self.heap.realloc(memory, layout, size) };
        }
        // SAFETY: the caller promises that `size` fits the alignment and that the old memory has
        // `layout.size()` bytes; two allocations do not overlap.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()), false);
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(memory, layout.size().min(size));
                self.dealloc(memory, layout);
            }
            moved
        }
    }
}

// SAFETY: memory comes from the heap, the block or the shelf, whose allocations do not overlap, and goes
// back to where its address says that it came from, with the layout that it came with.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        self.with(|state| unsafe { state.alloc(layout, false) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        self.with(|state| unsafe { state.alloc(layout, true) })
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        self.with(|state| unsafe { state.dealloc(memory, layout) });
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        self.with(|state| unsafe { state.realloc(memory, layout, size) })
    }
}
