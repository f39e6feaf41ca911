//! Reads objects into files: in parts, several at a time, each tried again from where it broke off, and
//! checked as the bytes come in. What has another size or digest is never handed out.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_call::{AwsError, Client, Patience};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use model_package::Digest;
use sha2::{Digest as _, Sha256};

use crate::StoreError;

/// Bytes of one part.
const PART: u64 = 8 << 20;
/// Parts that are read at the same time.
const PARALLEL: usize = 4;
/// How often a part goes on after it broke off.
const TRIES: u32 = 6;
/// The pause before the first of them; it doubles, and differs by up to a half.
const PAUSE: Duration = Duration::from_millis(50);

/// Is told how many more bytes were read or written.
pub type Progress<'a> = dyn Fn(u64) + Sync + 'a;

/// An object that is read.
#[derive(Clone, Copy)]
pub(crate) struct Object<'a> {
    pub(crate) client: &'a Client,
    pub(crate) bucket: &'a str,
    pub(crate) key: &'a str,
    /// Whether it must be encrypted with a key of AWS KMS.
    pub(crate) encrypted: bool,
    pub(crate) patience: Patience,
}

/// What an object has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(crate) digest: Digest,
    /// If it is known.
    pub(crate) size: Option<u64>,
    /// The most that is accepted.
    pub(crate) limit: u64,
}

/// What looks at the bytes of a file in their order.
pub(crate) trait Check {
    /// Looks at the next ones.
    fn more(&mut self, bytes: &[u8]) -> Result<(), StoreError>;
    /// Decides, once all of them came.
    fn done(&mut self) -> Result<(), StoreError>;
}

/// Compares their digest.
struct Digesting {
    hasher: Sha256,
    expected: Digest,
    /// For messages.
    object: String,
}

impl Check for Digesting {
    fn more(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.hasher.update(bytes);
        Ok(())
    }

    fn done(&mut self) -> Result<(), StoreError> {
        let found = self.hasher.finalize_reset();
        if found.as_slice() == self.expected.as_bytes() {
            return Ok(());
        }
        let (object, found) = (self.object.clone(), model_package::hex(found));
        Err(StoreError::Digest { object, found, expected: self.expected })
    }
}

impl Object<'_> {
    /// What messages call it.
    pub(crate) fn name(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }

    /// Refuses an object that is not encrypted as it must be.
    pub(crate) fn check_encryption(&self, found: Option<&str>) -> Result<(), StoreError> {
        // `aws:kms`, or with two layers `aws:kms:dsse`.
        if !self.encrypted || found.is_some_and(|found| found.starts_with("aws:kms")) {
            return Ok(());
        }
        let found = found.unwrap_or("nothing that S3 tells").to_owned();
        Err(StoreError::Encryption { object: self.name(), found })
    }

    /// Reads a small object whole; `None` if it is not there.
    pub(crate) async fn small(&self, limit: usize) -> Result<Option<(String, Bytes)>, StoreError> {
        match self.changed(None, limit).await {
            Ok(read) => Ok(read),
            Err(StoreError::Aws(error)) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads a small object whole, with its ETag; `None` if it still has the one that is known.
    pub(crate) async fn changed(
        &self,
        known: Option<&str>,
        limit: usize,
    ) -> Result<Option<(String, Bytes)>, StoreError> {
        let read = self.client.get_changed(self.bucket, self.key, known, limit, self.patience);
        match read.await {
            Ok(None) => Ok(None),
            Ok(Some((head, bytes))) => {
                self.check_encryption(head.encryption.as_deref())?;
                Ok(Some((head.etag, bytes)))
            }
            Err(AwsError::TooLarge { limit, .. }) => {
                let limit = limit as u64;
                Err(StoreError::TooLarge { object: self.name(), found: limit + 1, limit })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads it into a file, and compares its digest.
    pub(crate) async fn save(
        &self,
        expected: Expected,
        partial: &mut Partial,
        progress: &Progress<'_>,
    ) -> Result<(), StoreError> {
        let size = match expected.size {
            Some(size) => size,
            None => self.size().await?,
        };
        if size > expected.limit {
            let (found, limit) = (size, expected.limit);
            return Err(StoreError::TooLarge { object: self.name(), found, limit });
        }
        let (hasher, object) = (Sha256::new(), self.name());
        let mut check = Digesting { hasher, expected: expected.digest, object };
        self.save_checked(size, &mut check, partial, progress).await
    }

    /// Reads it into a file, from where an earlier attempt broke off, as long as the check finds
    /// nothing wrong.
    pub(crate) async fn save_checked(
        &self,
        size: u64,
        check: &mut (impl Check + Send),
        partial: &mut Partial,
        progress: &Progress<'_>,
    ) -> Result<(), StoreError> {
        let begin = partial.resume(size, check)?;
        progress(begin);
        let starts = (begin..size).step_by(usize::try_from(PART).unwrap_or(usize::MAX));
        let parts = stream::iter(starts.map(|start| {
            let range = start..size.min(start + PART);
            self.part(range, size)
        }));
        let mut parts = parts.buffered(PARALLEL);
        while let Some(part) = parts.try_next().await? {
            check.more(&part).inspect_err(|_| partial.discard())?;
            partial.append(&part)?;
            progress(part.len() as u64);
        }
        check.done().inspect_err(|_| partial.discard())
    }

    async fn size(&self) -> Result<u64, StoreError> {
        let head = self.client.head_object(self.bucket, self.key, self.patience).await?;
        let Some(head) = head else {
            let (bucket, key) = (self.bucket.to_owned(), self.key.to_owned());
            return Err(StoreError::Missing { what: "file", bucket, key });
        };
        self.check_encryption(head.encryption.as_deref())?;
        Ok(head.size.unwrap_or_default())
    }

    /// Reads a part, in several attempts if it must be.
    async fn part(&self, range: Range<u64>, size: u64) -> Result<Bytes, StoreError> {
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let mut bytes = BytesMut::with_capacity(length);
        let mut tries = 0;
        loop {
            let error = match self.go_on(&mut bytes, &range, size).await {
                Ok(()) => return Ok(bytes.freeze()),
                Err(error) => error,
            };
            let passes = matches!(&error, StoreError::Aws(error) if error.passes());
            let pause = jittered(PAUSE * 2_u32.pow(tries));
            tries += 1;
            if !passes || tries >= TRIES || self.patience.left() < pause * 2 {
                return Err(self.explained(error, size).await);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Reads what is missing of a part.
    async fn go_on(
        &self,
        bytes: &mut BytesMut,
        range: &Range<u64>,
        size: u64,
    ) -> Result<(), StoreError> {
        let length = range.end - range.start;
        let rest = range.start + bytes.len() as u64..range.end;
        let wrong = |found| StoreError::Size { object: self.name(), found, expected: size };
        let mut found = self.client.get_range(self.bucket, self.key, rest, self.patience).await?;
        self.check_encryption(found.head.encryption.as_deref())?;
        if let Some(found) = found.head.size.filter(|found| *found != size) {
            return Err(wrong(found));
        }
        while let Some(chunk) = found.chunk(self.patience).await? {
            let so_far = bytes.len() as u64 + chunk.len() as u64;
            if so_far > length {
                return Err(wrong(range.start + so_far));
            }
            bytes.extend_from_slice(&chunk);
        }
        match bytes.len() as u64 {
            all if all == length => Ok(()),
            // An answer that ends early without saying so.
            some => Err(wrong(range.start + some)),
        }
    }

    /// An object that is not there, or ends before a part begins.
    async fn explained(&self, error: StoreError, expected: u64) -> StoreError {
        match error {
            StoreError::Aws(AwsError::Refused { status: 416, .. }) => match self.size().await {
                Ok(found) => StoreError::Size { object: self.name(), found, expected },
                Err(error) => error,
            },
            StoreError::Aws(error) if error.is_missing() => {
                let (bucket, key) = (self.bucket.to_owned(), self.key.to_owned());
                StoreError::Missing { what: "file", bucket, key }
            }
            error => error,
        }
    }
}

/// From a half to one and a half of a pause, so that many hosts don't come back at once.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let mut byte = [128];
    // Without random numbers there is no jitter, and nothing else is lost.
    let _ = getrandom::fill(&mut byte);
    let [byte] = byte;
    pause / 2 + pause * u32::from(byte) / 256
}

/// A file that is not whole yet: on disk, where the next attempt goes on with it, or in memory.
#[derive(Debug)]
pub(crate) enum Partial {
    /// It belongs to whoever has its lock; who doesn't get it takes a file of their own, so nobody waits.
    Disk {
        /// Open for reading and writing.
        file: File,
        /// Where it lies.
        path: PathBuf,
    },
    /// For whom there is no room on disk.
    Memory(Vec<u8>),
}

impl Partial {
    /// The partial file of a digest in this folder, or without a folder one in memory.
    pub(crate) fn open(folder: Option<&Path>, digest: &Digest) -> Result<Self, StoreError> {
        let Some(folder) = folder else { return Ok(Self::Memory(Vec::new())) };
        let path = folder.join(digest.hex());
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(StoreError::io(&path))?;
        match file.try_lock() {
            Ok(()) if is_at(&file, &path) => return Ok(Self::Disk { file, path }),
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(StoreError::Io { path, source }),
        }
        let own = tempfile::Builder::new().prefix(&digest.hex()).tempfile_in(folder);
        let (file, path) = own
            .and_then(|own| own.keep().map_err(|error| error.error))
            .map_err(StoreError::io(folder))?;
        Ok(Self::Disk { file, path })
    }

    /// Checks what is there so far; its length.
    fn resume(&mut self, size: u64, check: &mut impl Check) -> Result<u64, StoreError> {
        let Self::Disk { file, path } = self else { return Ok(0) };
        let mut length = file.metadata().map_err(StoreError::io(path))?.len();
        if length > size {
            file.set_len(0).map_err(StoreError::io(path))?;
            length = 0;
        }
        file.seek(SeekFrom::Start(0)).map_err(StoreError::io(path))?;
        let mut buffer = vec![0; 256 << 10];
        let mut read = 0;
        while read < length {
            let count = file.read(&mut buffer).map_err(StoreError::io(path))?;
            if count == 0 {
                break;
            }
            let bytes = buffer.get(..count).unwrap_or_default();
            if let Err(error) = check.more(bytes) {
                self.discard();
                return Err(error);
            }
            read += count as u64;
        }
        Ok(read)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        match self {
            Self::Memory(all) => all.extend_from_slice(bytes),
            Self::Disk { file, path } => {
                let written = file.write_all(bytes).map_err(StoreError::io(path));
                // Half a file that can't be finished only takes room from others.
                return written.inspect_err(|_| self.discard());
            }
        }
        Ok(())
    }

    /// A file in this folder whose small content is there already.
    pub(crate) fn whole(folder: &Path, bytes: &[u8]) -> Result<Self, StoreError> {
        let mut partial = Self::open(Some(folder), &Digest::of(bytes))?;
        if let Self::Disk { file, path } = &mut partial {
            file.set_len(0).map_err(StoreError::io(path))?;
            file.seek(SeekFrom::Start(0)).map_err(StoreError::io(path))?;
        }
        partial.append(bytes)?;
        Ok(partial)
    }

    /// What came.
    pub(crate) fn bytes(self) -> Result<Vec<u8>, StoreError> {
        match self {
            Self::Disk { path, .. } => std::fs::read(&path).map_err(StoreError::io(&path)),
            Self::Memory(bytes) => Ok(bytes),
        }
    }

    /// Moves it to where it belongs.
    pub(crate) fn finish(self, to: &Path) -> Result<(), StoreError> {
        match self {
            Self::Disk { path, .. } => std::fs::rename(&path, to).map_err(StoreError::io(to)),
            Self::Memory(bytes) => std::fs::write(to, bytes).map_err(StoreError::io(to)),
        }
    }

    /// Forgets what is there: it is not what it should be.
    fn discard(&mut self) {
        match self {
            Self::Memory(bytes) => bytes.clear(),
            Self::Disk { file, path } => {
                drop(file.set_len(0));
                drop(std::fs::remove_file(path));
            }
        }
    }
}

/// Whether the file still lies at its path: another process may have finished and moved it between
/// opening and locking.
fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
        let there = std::fs::metadata(path).map(identity).ok();
        there.is_some() && there == file.metadata().map(identity).ok()
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        path.exists()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn two_who_read_the_same_have_files_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let digest = Digest::of(b"abc");
        let digesting =
            || Digesting { hasher: Sha256::new(), expected: digest, object: String::new() };
        let mut first = Partial::open(Some(folder.path()), &digest).unwrap();
        first.append(b"ab").unwrap();
        let mut second = Partial::open(Some(folder.path()), &digest).unwrap();
        let path = |partial: &Partial| match partial {
            Partial::Disk { path, .. } => Some(path.clone()),
            Partial::Memory(_) => None,
        };
        assert!(path(&first).is_some());
        assert_ne!(path(&first), path(&second));
        assert_eq!(second.resume(3, &mut digesting()).unwrap(), 0);
        // Who comes after the first goes on where it stopped.
        drop(first);
        let mut third = Partial::open(Some(folder.path()), &digest).unwrap();
        let mut check = digesting();
        assert_eq!(third.resume(3, &mut check).unwrap(), 2);
        check.more(b"c").unwrap();
        check.done().unwrap();
        // What is longer than it can be is begun anew.
        assert_eq!(third.resume(1, &mut digesting()).unwrap(), 0);
    }

    #[test]
    fn pauses_differ_by_half() {
        let pause = Duration::from_millis(100);
        for _ in 0..100 {
            let found = jittered(pause);
            assert!(found >= pause / 2 && found < pause * 3 / 2, "{found:?}");
        }
    }
}
