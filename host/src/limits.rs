//! What one instance may take of the machine.

use std::time::Duration;

/// Limits of a sandbox, and of a call into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SandboxLimits {
    /// Bytes of linear memory: the model, and what one call works with.
    pub memory_bytes: usize,
    /// Elements of a table. The component's one table holds its functions and never grows.
    pub table_elements: usize,
    /// Operations of one call, counted before it runs; `None` leaves it at the component's own
    /// limit, 200,000,000,000.
    pub operations: Option<u64>,
    /// How long one call may take where its operations can't be counted before. Code that was not
    /// compiled for it ([`crate::Interruption`]) is not stopped.
    pub deadline: Duration,
    /// Instances that work on one batch at the same time, each on a thread of its own.
    pub threads: usize,
}

impl SandboxLimits {
    /// 2 GiB: half of what a 32-bit memory can address. One thread. A minute.
    pub const DEFAULT: Self = Self {
        memory_bytes: 2 << 30,
        table_elements: 100_000,
        operations: None,
        deadline: Duration::from_secs(60),
        threads: 1,
    };

    /// The same with another bound on memory.
    #[must_use]
    pub fn with_memory_bytes(self, memory_bytes: usize) -> Self {
        Self { memory_bytes, ..self }
    }

    /// The same with another bound on the operations of a call.
    #[must_use]
    pub fn with_operations(self, operations: Option<u64>) -> Self {
        Self { operations, ..self }
    }

    /// The same with another deadline.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// The same with another number of threads.
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }
}

impl Default for SandboxLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
