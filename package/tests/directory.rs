//! Packages as directories.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use model_package::store::{StoreError, list, read, read_contents, write_archive};
use model_package::{Limits, PackageError, PackageFile, SIGNATURE};
use tempfile::TempDir;

use crate::example::{files, verify};

/// A directory with these files in it.
fn directory(files: &[PackageFile]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for file in files {
        let path = directory.path().join(&file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &file.content).unwrap();
    }
    directory
}

fn load(path: &Path) -> Result<Vec<PackageFile>, StoreError> {
    read(path, &Limits::DEFAULT)
}

#[test]
fn a_bare_graph_is_a_package_named_after_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let graph = b"\x08\x08graph".to_vec();
    for (file, name) in [("My_Net.onnx", "my-net"), ("NET.ONNX", "net")] {
        let path = directory.path().join(file);
        fs::write(&path, &graph).unwrap();
        let files = load(&path).unwrap();
        assert_eq!(files, PackageFile::of_graph(file, graph.clone()).unwrap());
        assert_eq!(verify(files).unwrap().manifest().name, name);
    }
    let mut small = Limits::DEFAULT;
    small.file_bytes = 6;
    let path = directory.path().join("NET.ONNX");
    assert!(matches!(read(&path, &small), Err(StoreError::Package(PackageError::TooLarge { .. }))));
    // A folder may be called anything.
    let folder = directory.path().join("folder.onnx");
    fs::create_dir(&folder).unwrap();
    assert_eq!(load(&folder).unwrap(), []);
}

#[test]
fn a_directory_and_its_archive_have_one_digest() {
    let directory = directory(&files());
    let from_directory = load(directory.path()).unwrap();
    let archive = tempfile::NamedTempFile::new().unwrap();
    write_archive(from_directory.clone(), &archive).unwrap();
    let from_archive = load(archive.path()).unwrap();
    let mut sorted = from_directory.clone();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(from_archive, sorted);
    let digest = |files| verify(files).unwrap().digest();
    assert_eq!(digest(from_directory), digest(files()));
    assert_eq!(digest(from_archive), digest(files()));
}

#[test]
fn hidden_files_are_no_part_of_it() {
    let directory = directory(&files());
    fs::write(directory.path().join(".DS_Store"), b"x").unwrap();
    fs::create_dir(directory.path().join(".git")).unwrap();
    fs::write(directory.path().join(".git/config"), b"x").unwrap();
    fs::write(directory.path().join("cases/.swap"), b"x").unwrap();
    assert!(verify(load(directory.path()).unwrap()).is_ok());
}

#[test]
fn a_signature_lies_beside_the_files() {
    let signature = PackageFile { path: SIGNATURE.into(), content: b"signed".into() };
    let mut all = files();
    all.push(signature.clone());
    let directory = directory(&all);
    let archive = tempfile::NamedTempFile::new().unwrap();
    write_archive(all, &archive).unwrap();
    for path in [directory.path(), archive.path()] {
        let contents = read_contents(path, &Limits::DEFAULT).unwrap();
        assert_eq!(contents.signature.as_ref(), Some(&signature.content));
        assert_eq!(contents.files, load(path).unwrap());
        assert!(verify(contents.files).is_ok());
    }
    // Only at the top.
    fs::rename(directory.path().join(SIGNATURE), directory.path().join("cases").join(SIGNATURE))
        .unwrap();
    let contents = read_contents(directory.path(), &Limits::DEFAULT).unwrap();
    assert_eq!(contents.signature, None);
    assert!(verify(contents.files).is_err());
}

#[test]
fn a_listing_names_what_is_hidden() {
    let directory = directory(&files());
    fs::create_dir(directory.path().join(".git")).unwrap();
    fs::write(directory.path().join("cases/.swap"), b"x").unwrap();
    let listing = list(directory.path(), &Limits::DEFAULT).unwrap();
    let found: Vec<_> =
        listing.files.iter().map(|found| (found.path.as_str(), found.size)).collect();
    let expected: Vec<_> = load(directory.path()).unwrap();
    let expected: Vec<_> =
        expected.iter().map(|file| (file.path.as_str(), file.content.len() as u64)).collect();
    assert_eq!(found, expected);
    assert_eq!(listing.hidden, [".git", "cases/.swap"]);
}

#[test]
fn what_is_no_package_on_disk() {
    let missing = load(Path::new("/nowhere/model")).unwrap_err();
    assert!(missing.to_string().starts_with("/nowhere/model: "), "{missing}");
    assert!(matches!(missing, StoreError::Io { .. }));
    let empty = tempfile::tempdir().unwrap();
    assert!(load(empty.path()).unwrap().is_empty());
}

#[test]
fn links_are_not_followed() {
    let outside = tempfile::NamedTempFile::new().unwrap();
    for target in [outside.path(), Path::new("model.onnx"), Path::new("/"), Path::new("nowhere")] {
        let directory = directory(&files());
        let link = directory.path().join("link");
        symlink(target, &link).unwrap();
        match load(directory.path()) {
            Err(StoreError::NotAFile { path, found }) => {
                assert_eq!((path, found), (link, "a link, socket, pipe or device"));
            }
            other => unreachable!("{other:?}"),
        }
    }
    let directory = directory(&files());
    let socket = directory.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert!(matches!(load(directory.path()), Err(StoreError::NotAFile { .. })));
}

#[test]
fn names_that_are_no_paths() {
    for name in [&b"a\\b"[..], b"a:b", b"a\nb", b"caf\xe9"] {
        let directory = directory(&files());
        fs::write(directory.path().join(std::ffi::OsStr::from_bytes(name)), b"").unwrap();
        let error = load(directory.path()).unwrap_err();
        assert!(matches!(error, StoreError::Package(PackageError::Path { .. })), "{error}");
        assert!(error.to_string().contains("is not a path inside a package"), "{error}");
    }
}

#[test]
fn limits() {
    let directory = directory(&files());
    let check = |limits: Limits, expected: &str| {
        let error = read(directory.path(), &limits).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    let mut limits = Limits::DEFAULT;
    limits.files = 2;
    check(limits, "more than 2 files");
    limits = Limits::DEFAULT;
    limits.file_bytes = 17;
    check(limits, "at most 17 are accepted");
    limits = Limits::DEFAULT;
    limits.package_bytes = 50;
    check(limits, "the package: ");
    let mut deep = directory.path().to_owned();
    for _ in 0..130 {
        deep.push("dd");
    }
    fs::create_dir_all(&deep).unwrap();
    // A path longer than any file's ends the descent.
    check(Limits::DEFAULT, "is not a path inside a package");
}
