//! The general allocator: dlmalloc, as in the standard library for this target, but one that can be put
//! aside when nothing is allocated any more.

use std::alloc::Layout;
use std::cell::Cell;

use dlmalloc::Dlmalloc;

/// Pages of WebAssembly have 64 KiB.
const PAGE_BITS: usize = 16;
/// Pages that memory has at most. The last one of 4 GiB stays unused: one past its end is no address.
const MOST: usize = 65_535;

/// Allocations of any size, and how many there are.
pub(super) struct Heap {
    memory: Dlmalloc<Pages>,
    live: usize,
}

impl Heap {
    /// A heap of the pages from this one on, or of those that are not there yet. It must stay where it
    /// is once it has handed something out.
    pub(super) const fn new(first: Option<usize>) -> Self {
        let pages = Pages { first: Cell::new(first), taken: Cell::new(0) };
        Self { memory: Dlmalloc::new_with_allocator(pages), live: 0 }
    }

    pub(super) fn pages(&self) -> &Pages {
        self.memory.allocator()
    }

    /// Whether nothing is allocated in it.
    pub(super) fn is_free(&self) -> bool {
        self.live == 0
    }

    /// # Safety
    /// As for [`std::alloc::GlobalAlloc::alloc`].
    pub(super) unsafe fn alloc(&mut self, layout: Layout, zeroed: bool) -> *mut u8 {
        // SAFETY: as the caller promises.
        let memory = unsafe {
            if zeroed {
                self.memory.calloc(layout.size(), layout.align())
            } else {
                self.memory.malloc(layout.size(), layout.align())
            }
        };
        self.live += usize::from(!memory.is_null());
        memory
    }

    /// # Safety
    /// As for [`std::alloc::GlobalAlloc::dealloc`], of memory of this heap.
    pub(super) unsafe fn dealloc(&mut self, memory: *mut u8, layout: Layout) {
        self.live -= 1;
        // SAFETY: as the caller promises.
        unsafe { self.memory.free(memory, layout.size(), layout.align()) };
    }

    /// # Safety
    /// As for [`std::alloc::GlobalAlloc::realloc`], of memory of this heap.
    pub(super) unsafe fn realloc(
        &mut self,
        memory: *mut u8,
        layout: Layout,
        size: usize,
    ) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { self.memory.realloc(memory, layout.size(), layout.align(), size) }
    }
}

/// The pages of memory behind the component's own data, from the bottom up. All are zeros when they are
/// taken.
pub(super) struct Pages {
    /// The lowest one; none before it is asked for the first time.
    first: Cell<Option<usize>>,
    /// How many were taken.
    taken: Cell<usize>,
}

impl Pages {
    /// The lowest one.
    pub(super) fn first(&self) -> usize {
        let first = self.first.get().unwrap_or_else(size);
        self.first.set(Some(first));
        first
    }

    /// The first one that nobody has.
    pub(super) fn next(&self) -> usize {
        self.first() + self.taken.get()
    }

    /// Takes this many pages, if there is room.
    pub(super) fn take(&self, pages: usize) -> Option<*mut u8> {
        let first = self.next();
        let next = first.checked_add(pages).filter(|next| *next <= MOST)?;
        let missing = next.saturating_sub(size());
        if missing > 0 && core::arch::wasm32::memory_grow::<0>(missing) == usize::MAX {
            return None;
        }
        self.taken.set(self.taken.get() + pages);
        Some(std::ptr::with_exposed_provenance_mut(first << PAGE_BITS))
    }
}

/// How many pages these bytes take.
pub(super) fn pages_of(bytes: usize) -> usize {
    bytes.div_ceil(1 << PAGE_BITS)
}

/// The address of a page.
pub(super) fn address(page: usize) -> usize {
    page << PAGE_BITS
}

/// The pages that memory has.
pub(super) fn size() -> usize {
    core::arch::wasm32::memory_size::<0>()
}

// SAFETY: pages that were taken are of nobody else, and are never given back.
unsafe impl dlmalloc::Allocator for Pages {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        let pages = pages_of(size);
        match self.take(pages) {
            Some(memory) => (memory, address(pages), 0),
            None => (std::ptr::null_mut(), 0, 0),
        }
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        std::ptr::null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        1 << PAGE_BITS
    }
}
