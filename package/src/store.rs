//! Packages on disk: a directory, or the same files in one tar archive.
//!
//! The archive is plain POSIX ustar, uncompressed (weights hardly compress, and a host can read it
//! as it streams in). Reading is bounded before memory is taken, follows nothing and writes nothing;
//! writing is deterministic: sorted by path, no times, no owners.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::{GRAPH, Limits, PackageError, PackageFile, SIGNATURE};

/// Why a package could not be read from or written to disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file system said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path on disk.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something other than a file or directory where a file belongs.
    #[error("{}: {found}; a package holds plain files only", path.display())]
    NotAFile {
        /// The path on disk or in the archive.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// A file that is no archive, or one that is damaged between its entries.
    #[error("{}: neither a folder, a whole tar archive nor an .onnx file, so it is no package", path.display())]
    NotAnArchive {
        /// The path on disk.
        path: PathBuf,
    },
    /// The files are there but are no package.
    #[error(transparent)]
    Package(#[from] PackageError),
}

type Stored<T> = Result<T, StoreError>;

/// What lies at a path: a package's files, and its signature beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The files, without the signature.
    pub files: Vec<PackageFile>,
    /// The bytes of `model.sig`, if it is there.
    pub signature: Option<Vec<u8>>,
}

/// Reads the files of the package at `path`: a directory, an archive, or a bare graph (`.onnx`).
///
/// # Errors
/// If something can't be read or breaks the limits. Digests are not checked here; see
/// [`crate::Package::verify`].
pub fn read(path: &Path, limits: &Limits) -> Stored<Vec<PackageFile>> {
    Ok(read_contents(path, limits)?.files)
}

/// Reads the files of the package at `path`, and its signature.
///
/// # Errors
/// As [`read`].
pub fn read_contents(path: &Path, limits: &Limits) -> Stored<Contents> {
    let metadata = fs::metadata(path).map_err(io_error(path))?;
    if metadata.is_file() && is_graph(path) {
        let mut reader = Reader::new(limits);
        let mut source = File::open(path).map_err(io_error(path))?;
        reader.file(GRAPH.into(), metadata.len(), &mut source, path)?;
        let onnx = reader.files.pop().map(|file| file.content).unwrap_or_default();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let files = PackageFile::of_graph(&name, onnx);
        let files = files.map_err(|error| io_error(path)(error.into()))?;
        return Ok(Contents { files, signature: None });
    }
    let mut files = if metadata.is_dir() {
        let mut reader = Reader::new(limits);
        for found in list(path, limits)?.files {
            let mut source = File::open(&found.on_disk).map_err(io_error(&found.on_disk))?;
            reader.file(found.path, found.size, &mut source, &found.on_disk)?;
        }
        reader.files
    } else {
        read_archive(path, File::open(path).map_err(io_error(path))?, limits)?
    };
    let signature = files.iter().position(|file| file.path == SIGNATURE);
    let signature = signature.map(|index| files.remove(index).content);
    Ok(Contents { files, signature })
}

/// Whether a file's name says that it is a bare graph.
fn is_graph(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}

/// A file of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its path inside the folder, with `/`.
    pub path: String,
    /// Its path on disk.
    pub on_disk: PathBuf,
    /// Its size in bytes, when it was found.
    pub size: u64,
}

/// What is in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Plain files, sorted by their path.
    pub files: Vec<Found>,
    /// Hidden files and folders, which are never read: their paths inside the folder.
    pub hidden: Vec<String>,
}

/// Lists the files of a folder and of those in it.
///
/// # Errors
/// If something can't be read, is neither file nor folder, has a path that is not one inside a
/// package, or if there are too many.
pub fn list(folder: &Path, limits: &Limits) -> Stored<Listing> {
    let mut listing = Listing::default();
    list_into(&mut listing, folder, "", limits)?;
    Ok(listing)
}

fn list_into(listing: &mut Listing, directory: &Path, prefix: &str, limits: &Limits) -> Stored<()> {
    let entries = fs::read_dir(directory).map_err(io_error(directory))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(io_error(directory))?.path());
    }
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let inside = format!("{prefix}{name}");
        // Editors, version control and file managers leave hidden files behind.
        if name.starts_with('.') {
            listing.hidden.push(inside);
            continue;
        }
        if matches!(name, Cow::Owned(_)) {
            // Not UTF-8, so that the name shown is not the name on disk.
            return Err(PackageError::Path { path: inside }.into());
        }
        crate::check::path(&inside, limits)?;
        let metadata = fs::symlink_metadata(&path).map_err(io_error(&path))?;
        if metadata.is_dir() {
            list_into(listing, &path, &format!("{inside}/"), limits)?;
        } else if metadata.is_file() {
            if listing.files.len() >= limits.files {
                return Err(PackageError::TooManyFiles { limit: limits.files }.into());
            }
            listing.files.push(Found { path: inside, on_disk: path, size: metadata.len() });
        } else {
            let found = "a link, socket, pipe or device";
            return Err(StoreError::NotAFile { path, found });
        }
    }
    Ok(())
}

/// Reads the files of an archive from `source`, a signature among them; `name` is for messages.
///
/// # Errors
/// As [`read`].
pub fn read_archive(name: &Path, source: impl Read, limits: &Limits) -> Stored<Vec<PackageFile>> {
    // Headers and padding: at most 1,024 bytes a file, and long names.
    let bound = limits.package_bytes.saturating_add(16 << 20);
    let mut archive = tar::Archive::new(source.take(bound));
    let mut reader = Reader::new(limits);
    // What tar says of such a file quotes its bytes, which helps nobody.
    let damaged = |_| StoreError::NotAnArchive { path: name.to_owned() };
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let bytes = entry.path_bytes().into_owned();
        let path = String::from_utf8(bytes).map_err(|error| PackageError::Path {
            path: String::from_utf8_lossy(error.as_bytes()).chars().take(120).collect(),
        })?;
        match entry.header().entry_type() {
            tar::EntryType::Regular | tar::EntryType::Continuous => {
                let size = entry.size();
                reader.file(path, size, &mut entry, name)?;
            }
            tar::EntryType::Directory => {}
            _ => {
                let found = "a link, device or other special entry of the archive";
                return Err(StoreError::NotAFile { path: path.into(), found });
            }
        }
    }
    Ok(reader.files)
}

/// Writes `files` as an archive. The same files give the same bytes.
///
/// # Errors
/// If `to` can't be written.
pub fn write_archive(mut files: Vec<PackageFile>, to: impl Write) -> io::Result<()> {
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut archive = tar::Builder::new(to);
    for file in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(file.content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_entry_type(tar::EntryType::Regular);
        archive.append_data(&mut header, &file.path, file.content.as_slice())?;
    }
    archive.into_inner()?.flush()
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    |source| StoreError::Io { path, source }
}

/// Collects files within the limits.
struct Reader<'a> {
    limits: &'a Limits,
    total: u64,
    files: Vec<PackageFile>,
}

impl<'a> Reader<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self { limits, total: 0, files: Vec::new() }
    }

    fn file(
        &mut self,
        path: String,
        size: u64,
        source: &mut impl Read,
        origin: &Path,
    ) -> Stored<()> {
        crate::check::path(&path, self.limits)?;
        if self.files.len() >= self.limits.files {
            return Err(PackageError::TooManyFiles { limit: self.limits.files }.into());
        }
        self.total = self.total.saturating_add(size);
        for (name, found, limit) in [
            (path.as_str(), size, self.limits.file_bytes),
            ("the package", self.total, self.limits.package_bytes),
        ] {
            if found > limit {
                return Err(PackageError::TooLarge { file: name.into(), found, limit }.into());
            }
        }
        // The size may be a lie: take memory as bytes arrive, and no more than was said.
        let mut content = Vec::new();
        source.take(size).read_to_end(&mut content).map_err(io_error(origin))?;
        if content.len() as u64 != size {
            let found = content.len() as u64;
            return Err(PackageError::Size { file: path, found, expected: size }.into());
        }
        self.files.push(PackageFile { path, content });
        Ok(())
    }
}
