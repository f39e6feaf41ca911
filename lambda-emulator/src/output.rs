//! What a process writes: read as fast as it comes, and passed on line by line.
//!
//! Reading and passing on are apart, so that a process does not wait for whoever keeps or prints its
//! lines: its time would be theirs.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::unix::pipe::Receiver;
use tokio::sync::{Notify, mpsc};

/// Receives the lines that the process writes to either of its outputs, as many as there are.
pub(crate) type LineSink = Arc<dyn Fn(Vec<String>) + Send + Sync>;

/// A line longer than this is cut in pieces, so that a function can't fill the emulator's memory
/// (CloudWatch Logs takes events of up to 256 KB).
const LINE_BYTES: usize = 256 * 1024;

/// What is read at once: as much as a pipe holds.
const READ_BYTES: usize = 64 * 1024;

/// What may be read and not yet passed on. A process that is further ahead waits.
const AHEAD_BYTES: usize = 64 * 1024 * 1024;

/// How long [`Output::drained`] waits at most: who writes without end is never read to the end.
const DRAIN: Duration = Duration::from_secs(5);

/// One output of a process.
#[derive(Debug)]
pub(crate) struct Output {
    pipe: Receiver,
    /// Bytes that are read and not yet passed on. Locked while reading, so that a byte is always either
    /// in the pipe or in here.
    behind: Mutex<usize>,
    caught_up: Notify,
}

impl Output {
    /// Begins to read from a pipe.
    pub(crate) fn read(pipe: OwnedFd, lines: LineSink) -> io::Result<Arc<Self>> {
        let pipe = Receiver::from_owned_fd(pipe)?;
        let output = Arc::new(Self { pipe, behind: Mutex::new(0), caught_up: Notify::new() });
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(Arc::clone(&output).fill(sender));
        tokio::spawn(Arc::clone(&output).pass_on(receiver, lines));
        Ok(output)
    }

    fn behind(&self) -> MutexGuard<'_, usize> {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fill(self: Arc<Self>, chunks: mpsc::UnboundedSender<Vec<u8>>) {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            while *self.behind() > AHEAD_BYTES {
                self.caught_up.notified().await;
            }
            if self.pipe.readable().await.is_err() {
                return;
            }
            let mut behind = self.behind();
            match self.pipe.try_read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => {
                    let chunk = buffer.get(..count).unwrap_or_default().to_vec();
                    *behind += count;
                    // Whoever passes on lives until this sender is dropped.
                    chunks.send(chunk).ok();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }

    async fn pass_on(
        self: Arc<Self>,
        mut chunks: mpsc::UnboundedReceiver<Vec<u8>>,
        lines: LineSink,
    ) {
        let text = |line: &mut Vec<u8>| {
            let text = String::from_utf8(std::mem::take(line));
            text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
        };
        let mut line = Vec::new();
        while let Some(chunk) = chunks.recv().await {
            let mut found = Vec::new();
            let ends = memchr::memchr_iter(b'\n', &chunk).map(|end| end + 1).chain([chunk.len()]);
            let mut start = 0;
            for end in ends {
                let part = chunk.get(start..end).unwrap_or_default();
                start = end;
                for piece in part.chunks(LINE_BYTES) {
                    if line.len() + piece.len() > LINE_BYTES {
                        found.push(text(&mut line));
                    }
                    line.extend_from_slice(piece);
                }
                if line.pop_if(|last| *last == b'\n').is_some() {
                    found.push(text(&mut line));
                }
            }
            if !found.is_empty() {
                lines(found);
            }
            *self.behind() -= chunk.len();
            self.caught_up.notify_one();
        }
        if !line.is_empty() {
            lines(vec![text(&mut line)]);
        }
    }

    /// Waits until what the process has written so far is passed on, so that the log keeps its order.
    pub(crate) async fn drained(&self) {
        let drained = async {
            while !self.is_drained() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(DRAIN, drained).await.ok();
    }

    fn is_drained(&self) -> bool {
        let behind = self.behind();
        *behind == 0 && !matches!(rustix::io::ioctl_fionread(&self.pipe), Ok(1..))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Write;

    use super::*;

    async fn lines_of(written: Vec<u8>) -> Vec<String> {
        let (reader, mut writer) = io::pipe().unwrap();
        let found = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&found);
        let lines: LineSink = Arc::new(move |lines| sink.lock().unwrap().extend(lines));
        let output = Output::read(reader.into(), lines).unwrap();
        tokio::task::spawn_blocking(move || writer.write_all(&written)).await.unwrap().unwrap();
        output.drained().await;
        // The writer is gone, so that both tasks end and what is left of a line comes.
        while Arc::strong_count(&found) > 1 {
            tokio::task::yield_now().await;
        }
        found.lock().unwrap().clone()
    }

    #[tokio::test]
    async fn lines_are_passed_on_whole_and_in_order() {
        assert_eq!(lines_of(b"a\n\nb\xff\nc".to_vec()).await, ["a", "", "b\u{fffd}", "c"]);
        let many: String = (0..100_000).map(|number| format!("{number}\n")).collect();
        let found = lines_of(many.into_bytes()).await;
        assert!(found.iter().enumerate().all(|(number, line)| *line == number.to_string()));
        assert_eq!(found.len(), 100_000);
    }

    #[tokio::test]
    async fn long_lines_are_cut() {
        let mut written = vec![b'x'; 2 * LINE_BYTES + 1];
        written.extend_from_slice(b"\ny\n");
        let found: Vec<_> = lines_of(written).await.iter().map(String::len).collect();
        assert_eq!(found.iter().sum::<usize>(), 2 * LINE_BYTES + 2);
        assert!(found.iter().all(|length| *length <= LINE_BYTES), "{found:?}");
        assert_eq!(found.last(), Some(&1));
    }
}
