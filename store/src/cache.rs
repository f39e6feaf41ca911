//! Packages, encrypted packages and baked models on this machine, by digest, and the last alias that was seen.
//!
//! An entry is a folder that was renamed into place whole, so that readers see all of it or nothing and
//! any number of processes can share the cache. Names hold digests, so nothing is ever invalidated;
//! when there is too much, what was not used for the longest time goes.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use model_package::Digest;

use crate::StoreError;
use crate::download::Partial;

/// After this time something unfinished belongs to nobody.
const ABANDONED: Duration = Duration::from_secs(86_400);

/// A folder with models.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
    limit: u64,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A package, by its digest.
    Package(Digest),
    /// A package, encrypted as it lies in the store.
    Sealed(Digest),
    /// A package, baked for a component and a version of wasmtime.
    Baked {
        /// The package.
        package: Digest,
        /// The component.
        component: Digest,
        /// The version of wasmtime.
        wasmtime: String,
    },
}

impl Cache {
    /// A cache in this folder, which is made when it is needed, of at most `limit` bytes.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, limit: u64) -> Self {
        Self { folder: folder.into(), limit }
    }

    /// Where an entry is, or would be.
    #[must_use]
    pub fn path(&self, kind: &Kind) -> PathBuf {
        match kind {
            Kind::Package(digest) => self.folder.join("packages").join(digest.hex()),
            Kind::Sealed(digest) => self.folder.join("sealed").join(digest.hex()),
            Kind::Baked { package, component, wasmtime } => {
                let name = format!("{}-{}-{wasmtime}", package.hex(), component.hex());
                self.folder.join("baked").join(name)
            }
        }
    }

    /// The folder of an entry, if it is there. It counts as used now.
    #[must_use]
    pub fn find(&self, kind: &Kind) -> Option<PathBuf> {
        let path = self.path(kind);
        let folder = File::open(&path).ok()?;
        // Without a time it goes sooner, and nothing else is lost.
        drop(folder.set_modified(SystemTime::now()));
        Some(path)
    }

    /// Throws an entry away, such as one that is damaged.
    ///
    /// # Errors
    /// If it can't be.
    pub fn remove(&self, kind: &Kind) -> Result<(), StoreError> {
        self.remove_folder(&self.path(kind))
    }

    /// Renames before it removes, so that nobody finds half an entry.
    fn remove_folder(&self, path: &Path) -> Result<(), StoreError> {
        let away = self
            .partial()
            .and_then(|partial| tempfile::tempdir_in(&partial).map_err(StoreError::io(&partial)));
        let removed = match &away {
            Ok(away) => fs::rename(path, away.path().join("entry")),
            // Where there is no room even for a folder, room is what this is for.
            Err(_) => fs::remove_dir_all(path),
        };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StoreError::io(path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Where unfinished files lie.
    pub(crate) fn partial(&self) -> Result<PathBuf, StoreError> {
        self.private("partial")
    }

    /// Makes an entry of finished files, each with its path in it.
    pub(crate) fn add(
        &self,
        kind: &Kind,
        files: Vec<(String, Partial)>,
    ) -> Result<PathBuf, StoreError> {
        let partial = self.partial()?;
        let made = tempfile::tempdir_in(&partial).map_err(StoreError::io(&partial))?;
        for (path, file) in files {
            let to = made.path().join(&path);
            let parent = to.parent().unwrap_or(made.path());
            fs::create_dir_all(parent).map_err(StoreError::io(parent))?;
            file.finish(&to)?;
        }
        let path = self.path(kind);
        self.private(
            path.parent()
                .and_then(Path::file_name)
                .map_or("", |name| name.to_str().unwrap_or_default()),
        )?;
        match fs::rename(made.path(), &path) {
            Ok(()) => {
                // It is no temporary folder any more.
                let _ = made.keep();
            }
            // Somebody else was faster, with the same bytes.
            Err(_) if path.is_dir() => {}
            Err(error) => return Err(StoreError::io(&path)(error)),
        }
        self.evict(&path);
        Ok(path)
    }

    /// Keeps to the limit: what was not used for the longest time goes, `kept` never. That something
    /// can't be removed fails nothing.
    fn evict(&self, kept: &Path) {
        let now = SystemTime::now();
        let entries = |name: &str| {
            let found = fs::read_dir(self.folder.join(name)).into_iter().flatten().flatten();
            found.map(|entry| entry.path()).collect::<Vec<_>>()
        };
        let modified = |path: &Path| {
            fs::metadata(path).and_then(|it| it.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
        };
        for path in entries("partial") {
            if now.duration_since(modified(&path)).is_ok_and(|age| age > ABANDONED) {
                drop(fs::remove_file(&path));
                drop(fs::remove_dir_all(&path));
            }
        }
        let mut found: Vec<_> = ["packages", "sealed", "baked"]
            .iter()
            .flat_map(|name| entries(name))
            .map(|path| (modified(&path), bytes(&path), path))
            .collect();
        found.sort();
        let mut all: u64 = found.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in found {
            if all <= self.limit {
                break;
            }
            if path != kept && self.remove_folder(&path).is_ok() {
                all = all.saturating_sub(bytes);
            }
        }
    }

    /// The alias that was seen last, as it was signed; `name` is its whole reference.
    pub(crate) fn alias(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.alias_path(name)).ok()
    }

    /// Remembers an alias.
    pub(crate) fn remember(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let folder = self.private("aliases")?;
        let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(StoreError::io(&folder))?;
        file.write_all(bytes).map_err(StoreError::io(&folder))?;
        file.persist(self.alias_path(name))
            .map_err(|error| StoreError::io(&folder)(error.error))?;
        Ok(())
    }

    fn alias_path(&self, name: &str) -> PathBuf {
        self.folder.join("aliases").join(format!("{}.json", Digest::of(name.as_bytes()).hex()))
    }

    /// A folder in the cache, for its owner alone: baked code in it is run.
    fn private(&self, name: &str) -> Result<PathBuf, StoreError> {
        let path = self.folder.join(name);
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(StoreError::io(&path))?;
        Ok(path)
    }
}

/// A file of an entry, of at most so many bytes.
pub(crate) fn read(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    use std::io::{Error, ErrorKind, Read};

    let mut bytes = Vec::new();
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 <= limit {
        true => Ok(bytes),
        false => Err(Error::new(ErrorKind::FileTooLarge, format!("more than {limit} bytes"))),
    }
}

/// The bytes of all files in a folder.
fn bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn add(cache: &Cache, text: &str) -> Kind {
        let digest = Digest::of(text.as_bytes());
        let partial = Partial::whole(&cache.partial().unwrap(), text.as_bytes()).unwrap();
        let kind = Kind::Package(digest);
        cache.add(&kind, vec![("a/b".into(), partial)]).unwrap();
        kind
    }

    #[test]
    fn what_was_not_used_for_long_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("cache"), 25);
        let first = add(&cache, "0123456789");
        let second = add(&cache, "abcdefghij");
        assert!(cache.find(&first).is_some() && cache.find(&second).is_some());
        let old = SystemTime::now() - Duration::from_secs(60);
        File::open(cache.path(&second)).unwrap().set_modified(old).unwrap();
        let third = add(&cache, "ABCDEFGHIJ");
        assert!(cache.find(&first).is_some() && cache.find(&third).is_some());
        assert!(cache.find(&second).is_none());
        // One that is larger than all of it stays while it is new.
        let large = add(&cache, &"x".repeat(100));
        assert_eq!(fs::read(cache.find(&large).unwrap().join("a/b")).unwrap().len(), 100);
        assert!(cache.find(&first).is_none() && cache.find(&third).is_none());
        assert_eq!(fs::read_dir(cache.partial().unwrap()).unwrap().count(), 0);
        cache.remove(&large).unwrap();
        assert!(cache.find(&large).is_none());
        cache.remove(&large).unwrap();
    }

    #[test]
    fn the_same_twice_is_one_entry() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path(), 1 << 20);
        let kind = add(&cache, "0123456789");
        assert_eq!(add(&cache, "0123456789"), kind);
        assert_eq!(fs::read_dir(cache.partial().unwrap()).unwrap().count(), 0);
    }

    #[test]
    fn an_alias_is_remembered_by_its_whole_name() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("cache"), 0);
        assert_eq!(cache.alias("a"), None);
        cache.remember("a", b"one").unwrap();
        cache.remember("a", b"two").unwrap();
        assert_eq!((cache.alias("a"), cache.alias("b")), (Some(b"two".to_vec()), None));
    }
}
