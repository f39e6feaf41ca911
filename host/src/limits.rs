//! What one instance may take of the machine.

/// Limits of a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SandboxLimits {
    /// Bytes of linear memory: the model, and what one call works with.
    pub memory_bytes: usize,
    /// Elements of a table. The component's one table holds its functions and never grows.
    pub table_elements: usize,
}

impl SandboxLimits {
    /// 2 GiB: half of what a 32-bit memory can address.
    pub const DEFAULT: Self = Self { memory_bytes: 2 << 30, table_elements: 100_000 };

    /// The same with another bound on memory.
    #[must_use]
    pub fn with_memory_bytes(self, memory_bytes: usize) -> Self {
        Self { memory_bytes, ..self }
    }
}

impl Default for SandboxLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
