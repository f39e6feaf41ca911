//! How a model that is to be baked lies in memory.
//!
//! What stays of a load is found everywhere between what was freed on the way, and a snapshot of it has
//! all of those holes. Allocations do not move, and nobody knows beforehand which will stay. But a load
//! is the same each time: a first instance counts which allocations stay, and a second one puts those
//! on a shelf below everything else. When it is loaded, nothing is left above the shelf.

use std::hash::RandomState;
use std::ops::Range;

use super::block::Block;
use super::census::Census;
use super::heap::{Heap, address, pages_of, size};
use super::shelf::Shelf;
use super::{MEMORY, State, Tracked};

/// Pages behind the model and the block that a snapshot keeps. A call that needs no more need not ask
/// for memory.
const SPARE: usize = 256;

/// Begins to count allocations. An instance that has some already is left as it is.
pub(crate) fn observe() {
    begin(|state| Census::new(state.heap.pages()).map(Tracked::Observed));
}

/// The bytes that those allocations take that are still there, and a bit for each one since the start
/// that says which they are.
pub(crate) fn stayed() -> Option<(usize, Vec<u8>)> {
    let length = MEMORY.with(|state| Some(state.census()?.stayed()?.1.len()))?;
    let mut bits = Vec::with_capacity(length);
    MEMORY
        .with(|state| {
            let (bytes, all) = state.census()?.stayed()?;
            // There is room for them, so that nothing is allocated here. The answer's own allocation has
            // a number by now; those after the load are of no interest.
            bits.extend_from_slice(all.get(..length)?);
            Some(bytes)
        })
        .map(|bytes| (bytes, bits))
}

/// Makes room for what will stay. An instance that has allocations already is left as it is.
pub(crate) fn arrange(bytes: usize) {
    begin(|state| Shelf::new(state.heap.pages(), bytes).map(Tracked::Arranged));
}

/// Says which of the allocations that follow will stay.
pub(crate) fn place(places: Vec<u8>) {
    let unused = MEMORY.with(|state| match state.shelf() {
        Some(shelf) => shelf.place(places),
        None => places,
    });
    drop(unused);
}

/// Clears everything but what stayed, if that is all on the shelf. Gives the bytes of memory, from its
/// start, that a snapshot needs.
pub(crate) fn settle() -> u64 {
    place(Vec::new());
    MEMORY.with(State::settle);
    MEMORY.with(|state| {
        let next = state.heap.pages().next();
        ((next + SPARE).min(size()) as u64) << 16
    })
}

/// Begins to keep track, in an instance without any allocation.
fn begin(track: impl FnOnce(&mut State) -> Option<Tracked>) {
    // The seed of hash maps is made of an address when the first one is made. It has to be the same one,
    // or their order and what follows from it would differ between two loads.
    drop(RandomState::new());
    MEMORY.with(|state| {
        if state.heap.is_free() && state.block.is_none() && matches!(state.tracked, Tracked::No) {
            state.tracked = track(state).unwrap_or(Tracked::No);
            state.clears = matches!(state.tracked, Tracked::Arranged(_));
        }
    });
}

impl State {
    fn settle(&mut self) {
        let Tracked::Arranged(shelf) = &self.tracked else { return };
        if !self.heap.is_free() || !self.block.is_free() {
            return;
        }
        let (first, filled, end) = (self.heap.pages().first(), shelf.filled(), address(size()));
        clear(address(first)..filled.start);
        clear(filled.end..end);
        self.heap = Heap::new(Some(pages_of(filled.end)));
        if !self.block.is_none() {
            self.block = Block::new(self.heap.pages());
        }
    }

    fn census(&mut self) -> Option<&mut Census> {
        match &mut self.tracked {
            Tracked::Observed(census) => Some(census),
            _ => None,
        }
    }

    fn shelf(&mut self) -> Option<&mut Shelf> {
        match &mut self.tracked {
            Tracked::Arranged(shelf) => Some(shelf),
            _ => None,
        }
    }
}

/// Clears memory that nobody has.
fn clear(range: Range<usize>) {
    let start: *mut u8 = std::ptr::with_exposed_provenance_mut(range.start);
    // SAFETY: the range lies in memory, and heap and block, whose it was, have nothing allocated.
    unsafe { start.write_bytes(0, range.len()) };
}
