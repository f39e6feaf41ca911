//! Work that begins now and is needed later.

use std::sync::{Arc, LazyLock};

type Work<T> = Box<dyn FnOnce() -> T + Send>;

/// A value that is being made on a thread of its own, and shared by all who wait for it.
pub struct Background<T> {
    value: Arc<LazyLock<T, Work<T>>>,
}

impl<T: Send + Sync + 'static> Background<T> {
    /// Begins.
    pub fn start(work: impl FnOnce() -> T + Send + 'static) -> Self {
        let value = Arc::new(LazyLock::new(Box::new(work) as Work<T>));
        let worker = Arc::clone(&value);
        let work = move || {
            LazyLock::force(&worker);
        };
        // Where no thread can be had, the first who waits does the work.
        drop(std::thread::Builder::new().name("loading".into()).spawn(work));
        Self { value }
    }

    /// The value, once it is there.
    #[must_use]
    pub fn wait(&self) -> &T {
        &self.value
    }
}

impl<T> std::fmt::Debug for Background<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Background").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn all_who_wait_get_what_was_made_once() {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let background = Background::start(|| MADE.fetch_add(1, Ordering::SeqCst) + 1);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(*background.wait(), 1));
            }
        });
        assert_eq!(MADE.load(Ordering::SeqCst), 1);
    }
}
