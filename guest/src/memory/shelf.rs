//! A place for the allocations that are known to stay: handed out from the bottom up, with nothing in
//! between.

use std::alloc::Layout;

use super::heap::{Pages, address, pages_of};

#[derive(Default)]
pub(super) struct Shelf {
    start: usize,
    end: usize,
    /// The first free byte; all above it are free, too.
    top: usize,
    /// How many allocations there were.
    count: usize,
    /// For each allocation whether it belongs here, the lowest bit of each byte first.
    places: Vec<u8>,
}

impl Shelf {
    /// Makes room for this many bytes. `None` if memory has no room.
    pub(super) fn new(pages: &Pages, bytes: usize) -> Option<Self> {
        let count = pages_of(bytes);
        let start = pages.take(count)?.addr();
        Some(Self { start, end: start + address(count), top: start, ..Self::default() })
    }

    /// Begins to count allocations, and to take those of `places` in. Gives back what it had before.
    pub(super) fn place(&mut self, places: Vec<u8>) -> Vec<u8> {
        self.count = 0;
        std::mem::replace(&mut self.places, places)
    }

    pub(super) fn owns(&self, memory: *mut u8) -> bool {
        (self.start..self.end).contains(&memory.addr())
    }

    /// Where it begins, and where what lies on it ends.
    pub(super) fn filled(&self) -> std::ops::Range<usize> {
        self.start..self.top
    }

    /// Takes memory for the next allocation, if it belongs here and there is room.
    pub(super) fn take(&mut self, layout: Layout) -> Option<*mut u8> {
        if self.places.is_empty() {
            return None;
        }
        let number = self.count;
        self.count += 1;
        let belongs = self.places.get(number / 8)? >> (number % 8) & 1 == 1;
        let at = self.top.checked_next_multiple_of(layout.align()).filter(|_| belongs)?;
        self.top = at.checked_add(layout.size()).filter(|top| *top <= self.end)?;
        Some(std::ptr::with_exposed_provenance_mut(at))
    }
}

/// What an allocation takes at most, wherever the one before it ends.
pub(super) fn room(layout: Layout) -> usize {
    layout.size().saturating_add(layout.align() - 1)
}
