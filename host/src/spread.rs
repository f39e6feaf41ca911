//! A batch on several threads.

use std::sync::{Mutex, PoisonError};

/// Cuts `items` into pieces of at most `size` and works on them with at most `threads` threads, this
/// one among them. The answers come in the order of the items, whichever thread was faster.
pub(crate) fn spread<T: Sync, R: Send>(
    items: &[T],
    size: usize,
    threads: usize,
    work: impl Fn(&[T]) -> Vec<R> + Sync,
) -> Vec<R> {
    let pieces = items.chunks(size.max(1));
    let threads = threads.clamp(1, pieces.len().max(1));
    if threads == 1 {
        return pieces.flat_map(work).collect();
    }
    let waiting = Mutex::new(pieces.enumerate());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let run = || {
        let mut done = Vec::new();
        while let Some((place, piece)) = next() {
            done.push((place, work(piece)));
        }
        done
    };
    let mut done = std::thread::scope(|scope| {
        // A thread that can't be had is not waited for: the others do its share.
        let others: Vec<_> = (1..threads)
            .filter_map(|_| std::thread::Builder::new().spawn_scoped(scope, run).ok())
            .collect();
        let mut done = run();
        for other in others {
            match other.join() {
                Ok(answers) => done.extend(answers),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(place, _)| *place);
    done.into_iter().flat_map(|(_, answers)| answers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(items: usize, size: usize, threads: usize) {
        let items: Vec<usize> = (0..items).collect();
        let answers = spread(&items, size, threads, |piece| {
            assert!(piece.len() <= size, "a piece of {} items", piece.len());
            piece.iter().map(|item| item * 2).collect()
        });
        let expected: Vec<_> = items.iter().map(|item| item * 2).collect();
        assert_eq!(answers, expected, "{} items, {size} a piece, {threads} threads", items.len());
    }

    #[test]
    fn answers_come_in_order() {
        for items in [0, 1, 2, 7, 1000] {
            for size in [1, 3, 2000] {
                for threads in [1, 2, 5] {
                    check(items, size, threads);
                }
            }
        }
    }
}
