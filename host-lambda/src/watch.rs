//! Work that may take longer than an invoke has: it is done on a thread of its own, and waited for only
//! as long as there is time. So the caller is told, before Lambda ends the process.
//!
//! Nothing can stop such work once it is begun, but it ends by itself: its operations were counted
//! before. Until then nothing else of the kind is begun, so that memory has to hold one at a time.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use crate::clock::Deadline;

type Unfinished = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Watches over long work.
#[derive(Default)]
pub(crate) struct Watch {
    unfinished: Mutex<Option<Unfinished>>,
}

impl Watch {
    /// What the work comes to; nothing, if that takes longer than there is time.
    pub(crate) async fn within<T: Send + 'static>(
        &self,
        deadline: Deadline,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        if let Some(mut before) = self.take()
            && tokio::time::timeout(deadline.left(), &mut before).await.is_err()
        {
            self.keep(before);
            return None;
        }
        let mut working = tokio::task::spawn_blocking(work);
        match tokio::time::timeout(deadline.left(), &mut working).await {
            Ok(Ok(done)) => Some(done),
            // As if it had happened here.
            Ok(Err(error)) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => None,
            },
            Err(_) => {
                self.keep(Box::pin(async { drop(working.await) }));
                None
            }
        }
    }

    fn take(&self) -> Option<Unfinished> {
        // A panic while it was held left it whole.
        self.unfinished.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep(&self, unfinished: Unfinished) {
        *self.unfinished.lock().unwrap_or_else(PoisonError::into_inner) = Some(unfinished);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::clock::epoch_milliseconds;

    fn deadline(milliseconds: u64) -> Deadline {
        Deadline::new(Instant::now(), epoch_milliseconds() + milliseconds, Some(Duration::ZERO))
    }

    #[tokio::test]
    async fn long_work_is_not_waited_for_and_nothing_is_begun_beside_it() {
        let watch = Watch::default();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let long = move || ended.recv().ok();
        let began = Instant::now();
        assert_eq!(watch.within(deadline(50), long).await, None);
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(watch.within(deadline(50), || "beside it").await, None);
        drop(end);
        assert_eq!(watch.within(deadline(60_000), || "after it").await, Some("after it"));
    }
}
