//! A block for the small allocations of a call: handed out one after the other, and begun anew when all
//! of them are free, as they are at the end of a call.
//!
//! That is quicker than searching for holes, and a call of a fresh instance touches a few neighbouring
//! pages of memory, not holes all over it; each page that is touched first costs the host a page fault.

use std::alloc::Layout;

use super::heap::Pages;

/// The block's size in pages of 64 KiB: what a call with a thousand instances takes. Pages that no call
/// touches cost nothing.
const PAGES: usize = 64;
/// The largest allocation that comes from the block.
const LARGEST: usize = 64 << 10;

/// Memory that is handed out from the bottom up.
pub(super) struct Block {
    /// Its first byte; 0 while there is none.
    start: usize,
    /// One past its last byte.
    end: usize,
    /// The first free byte; all above it are free, too.
    top: usize,
    /// How many allocations there are.
    live: usize,
}

impl Block {
    pub(super) const NONE: Self = Self { start: 0, end: 0, top: 0, live: 0 };

    /// A block of the next pages, or none if there are not enough.
    pub(super) fn new(pages: &Pages) -> Self {
        pages.take(PAGES).map_or(Self::NONE, |memory| {
            let start = memory.addr();
            Self { start, end: start + (PAGES << 16), top: start, live: 0 }
        })
    }

    pub(super) fn is_none(&self) -> bool {
        self.start == 0
    }

    /// Whether nothing is allocated in it.
    pub(super) fn is_free(&self) -> bool {
        self.live == 0
    }

    /// Takes memory for a layout, if it is small and there is room.
    pub(super) fn take(&mut self, layout: Layout) -> Option<*mut u8> {
        if layout.size() > LARGEST {
            return None;
        }
        let at = self.top.checked_next_multiple_of(layout.align())?;
        let top = at.checked_add(layout.size())?;
        if top > self.end {
            return None;
        }
        self.top = top;
        self.live += 1;
        Some(std::ptr::with_exposed_provenance_mut(at))
    }

    pub(super) fn owns(&self, memory: *mut u8) -> bool {
        (self.start..self.end).contains(&memory.addr())
    }

    /// Gives memory of the block back.
    pub(super) fn give_back(&mut self, memory: *mut u8, layout: Layout) {
        self.live -= 1;
        if self.live == 0 {
            self.top = self.start;
        } else if memory.addr() + layout.size() == self.top {
            self.top = memory.addr();
        }
    }

    /// Makes the topmost allocation larger or smaller where it lies, if it is that and there is room.
    pub(super) fn resize(&mut self, memory: *mut u8, layout: Layout, size: usize) -> bool {
        let is_last = memory.addr() + layout.size() == self.top;
        let top = memory.addr().checked_add(size).filter(|top| *top <= self.end);
        match top {
            Some(top) if is_last => {
                self.top = top;
                true
            }
            _ => false,
        }
    }
}
