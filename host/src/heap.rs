//! What the process keeps of the memory that it has freed.
#![expect(unsafe_code, reason = "mallopt is a call into C; this is the one place that makes it")]

/// Freed memory at the end of the heap is given back above this, in bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: libc::c_int = 16 << 20;
/// A single allocation of as much is mapped for itself, and given back at once.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED: libc::c_int = 4 << 20;

/// Keeps up to 16 MiB of freed memory for the next call. By default glibc gives back all but 128 KiB to a
/// few MiB, and the kernel hands it out and clears it again page by page: 200 to 400 page faults a batch
/// of a thousand, which has none so. Does nothing where the allocator is another.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt takes a lock of the allocator's own; with these two it changes thresholds alone. It returns 0
    // for a value that it does not take, and then all stays as it was.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED);
    }
}
