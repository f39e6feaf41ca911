//! Which allocations stay: each one is counted, and has its number before it. A bit for each number says
//! whether it is still there.

use std::alloc::Layout;

use super::heap::{Heap, Pages};

/// Pages for the bits, 134 million of them. Those that no bit is set in cost nothing.
const PAGES: usize = 256;
/// How many allocations can be told apart.
const MOST: usize = PAGES << 19;
/// Bytes before an allocation that hold its number.
const NUMBER: usize = size_of::<u32>();

pub(super) struct Census {
    /// The bits, the lowest of each byte first.
    bits: *mut u8,
    /// How many allocations there were.
    count: usize,
    /// What those that are there would take on a shelf.
    bytes: usize,
}

impl Census {
    /// Begins to count. `None` if memory has no room.
    pub(super) fn new(pages: &Pages) -> Option<Self> {
        Some(Self { bits: pages.take(PAGES)?, count: 0, bytes: 0 })
    }

    /// The bytes that what is there takes, and the bits of the allocations up to now. `None` if they
    /// were too many.
    pub(super) fn stayed(&self) -> Option<(usize, &[u8])> {
        let length = (self.count <= MOST).then(|| self.count.div_ceil(8))?;
        // SAFETY: there are bits for `MOST` numbers, and they are zeros from the start.
        Some((self.bytes, unsafe { std::slice::from_raw_parts(self.bits, length) }))
    }

    /// # Safety
    /// As for [`std::alloc::GlobalAlloc::alloc`].
    pub(super) unsafe fn alloc(
        &mut self,
        heap: &mut Heap,
        layout: Layout,
        zeroed: bool,
    ) -> *mut u8 {
        let Some((whole, before)) = with_number(layout) else { return std::ptr::null_mut() };
        // SAFETY: the layout is not empty, and the number lies before the allocation and in it.
        unsafe {
            let start = heap.alloc(whole, zeroed);
            if start.is_null() {
                return start;
            }
            let memory = start.add(before);
            memory.sub(NUMBER).cast::<u32>().write_unaligned(self.count as u32);
            self.flip(self.count);
            self.count += 1;
            self.bytes += super::shelf::room(layout);
            memory
        }
    }

    /// # Safety
    /// As for [`std::alloc::GlobalAlloc::dealloc`], of memory from [`Self::alloc`].
    pub(super) unsafe fn dealloc(&mut self, heap: &mut Heap, memory: *mut u8, layout: Layout) {
        let Some((whole, before)) = with_number(layout) else { return };
        // SAFETY: the number lies before the allocation.
        unsafe {
            let number = memory.sub(NUMBER).cast::<u32>().read_unaligned();
            self.flip(number as usize);
            self.bytes -= super::shelf::room(layout);
            heap.dealloc(memory.sub(before), whole);
        }
    }

    fn flip(&mut self, number: usize) {
        if number < MOST {
            // SAFETY: there are bits for `MOST` numbers.
            unsafe { *self.bits.add(number / 8) ^= 1 << (number % 8) };
        }
    }
}

/// The layout with room for a number, and how much comes before the allocation.
fn with_number(layout: Layout) -> Option<(Layout, usize)> {
    let number = Layout::from_size_align(NUMBER, layout.align()).ok()?;
    number.extend(layout).ok()
}
