//! Packages as archives: what is written reads the same, and what attacks the reader is refused.

use std::io::{self, Read};
use std::path::Path;

use model_package::store::{StoreError, read_archive, write_archive};
use model_package::{Limits, PackageError, PackageFile};
use proptest::prelude::*;
use tar::{EntryType, Header};

use crate::example::{file, files, verify};

fn archive(files: Vec<PackageFile>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_archive(files, &mut bytes).unwrap();
    bytes
}

fn read(bytes: &[u8]) -> Result<Vec<PackageFile>, StoreError> {
    read_archive(Path::new("model.tar"), bytes, &Limits::DEFAULT)
}

/// A header written byte by byte, for what the library refuses to write.
fn header(name: &[u8], kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

/// An entry with its content and padding.
fn raw(name: &[u8], kind: EntryType, content: &[u8]) -> Vec<u8> {
    let mut bytes = header(name, kind, content.len() as u64).as_bytes().to_vec();
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn end(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend([0; 1024]);
    bytes
}

fn package_error(bytes: &[u8]) -> PackageError {
    match read(bytes) {
        Err(StoreError::Package(error)) => error,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn what_is_written_reads_the_same() {
    let bytes = archive(files());
    let mut sorted = files();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(read(&bytes).unwrap(), sorted);
    assert_eq!(verify(read(&bytes).unwrap()).unwrap().digest(), verify(files()).unwrap().digest());
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let mut reversed = files();
    reversed.reverse();
    assert_eq!(archive(files()), archive(reversed));
    // No time, no owner: every header is known to the byte.
    let bytes = archive(vec![file("a", b"1")]);
    assert_eq!(bytes.len(), 4 * 512);
    let mut expected = Header::new_ustar();
    expected.set_path("a").unwrap();
    expected.set_size(1);
    expected.set_mode(0o644);
    expected.set_mtime(0);
    expected.set_entry_type(EntryType::Regular);
    expected.set_cksum();
    assert_eq!(bytes[..512], expected.as_bytes()[..]);
}

#[test]
fn long_names() {
    let deep = format!("{}/{}", "d".repeat(120), "f".repeat(90));
    let longest = "n".repeat(256);
    for name in ["n".repeat(100), "n".repeat(101), deep, longest] {
        let files = vec![file(&name, b"content")];
        assert_eq!(read(&archive(files.clone())).unwrap(), files, "{} bytes", name.len());
    }
    let too_long = PackageError::Path { path: "n".repeat(120) };
    assert_eq!(package_error(&archive(vec![file(&"n".repeat(257), b"")])), too_long);
}

#[test]
fn entries_of_other_writers() {
    // Directories and extensions for long names and times are no files of the package.
    let mut pax = Vec::new();
    pax.extend(raw(b"folder/", EntryType::Directory, b""));
    pax.extend(raw(
        b"./PaxHeaders/a",
        EntryType::XHeader,
        b"22 path=folder/a name\n18 mtime=123.456\n",
    ));
    pax.extend(raw(b"short", EntryType::Regular, b"1"));
    assert_eq!(read(&end(pax)).unwrap(), [file("folder/a name", b"1")]);
    let mut gnu = Vec::new();
    gnu.extend(raw(b"././@LongLink", EntryType::GNULongName, b"long/name\0"));
    gnu.extend(raw(b"short", EntryType::Regular, b"2"));
    assert_eq!(read(&end(gnu)).unwrap(), [file("long/name", b"2")]);
    // The name that counts is the one that is checked.
    let mut hidden = Vec::new();
    hidden.extend(raw(b"././@LongLink", EntryType::GNULongName, b"../../etc/passwd\0"));
    hidden.extend(raw(b"harmless", EntryType::Regular, b"3"));
    let path = PackageError::Path { path: "../../etc/passwd".into() };
    assert_eq!(package_error(&end(hidden)), path);
}

#[test]
fn paths_that_leave_the_package() {
    for path in ["../a", "a/../../b", "/etc/passwd", "a\\b", "C:a", "./a", "a//b", "a\nb"] {
        let bytes = end(raw(path.as_bytes(), EntryType::Regular, b"x"));
        assert_eq!(package_error(&bytes), PackageError::Path { path: path.into() });
    }
    let latin = end(raw(b"caf\xe9", EntryType::Regular, b"x"));
    assert_eq!(package_error(&latin), PackageError::Path { path: "caf\u{fffd}".into() });
    let empty = end(raw(b"", EntryType::Regular, b"x"));
    assert_eq!(package_error(&empty), PackageError::Path { path: String::new() });
}

#[test]
fn entries_that_are_no_files() {
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
        EntryType::GNUSparse,
        EntryType::XGlobalHeader,
        EntryType::new(b'V'),
        EntryType::new(0xff),
    ] {
        match read(&end(raw(b"a", kind, b""))) {
            Err(StoreError::NotAFile { path, found }) => {
                assert_eq!(path, Path::new("a"));
                assert_eq!(found, "a link, device or other special entry of the archive");
            }
            other => assert!(
                matches!(other, Err(StoreError::Io { .. } | StoreError::NotAnArchive { .. })),
                "{kind:?}: {other:?}"
            ),
        }
    }
}

#[test]
fn sizes_that_lie() {
    // More than there is.
    let mut bytes = header(b"a", EntryType::Regular, 1 << 20).as_bytes().to_vec();
    bytes.extend(b"only this");
    let size = PackageError::Size { file: "a".into(), found: 9, expected: 1 << 20 };
    assert_eq!(package_error(&bytes), size);
    // More than is accepted, refused before a byte is read.
    let large = header(b"a", EntryType::Regular, (1 << 30) + 1).as_bytes().to_vec();
    let (found, limit) = ((1 << 30) + 1, 1 << 30);
    assert_eq!(package_error(&large), PackageError::TooLarge { file: "a".into(), found, limit });
    let largest = header(b"a", EntryType::Regular, u64::MAX).as_bytes().to_vec();
    assert!(read(&largest).is_err());
    // Less than there is: what follows is no header.
    let mut bytes = header(b"a", EntryType::Regular, 1).as_bytes().to_vec();
    bytes.extend([b'x'; 1024]);
    assert!(matches!(
        read(&end(bytes)),
        Err(StoreError::Io { .. } | StoreError::NotAnArchive { .. })
    ));
}

#[test]
fn too_much_of_everything() {
    let many = |count: usize| {
        let entry = |index: usize| raw(index.to_string().as_bytes(), EntryType::Regular, b"");
        end((0..count).flat_map(entry).collect())
    };
    assert_eq!(read(&many(64)).unwrap().len(), 64);
    assert_eq!(package_error(&many(65)), PackageError::TooManyFiles { limit: 64 });
    let mut limits = Limits::DEFAULT;
    (limits.file_bytes, limits.package_bytes) = (4, 6);
    let bytes = archive(vec![file("a", b"1234"), file("b", b"123")]);
    let error = read_archive(Path::new("model.tar"), bytes.as_slice(), &limits).unwrap_err();
    assert_eq!(error.to_string(), "the package: 7 bytes, at most 6 are accepted");
    // An archive without end, of directories, of which none is a file.
    struct Endless(io::Cursor<Vec<u8>>);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.position() == self.0.get_ref().len() as u64 {
                self.0.set_position(0);
            }
            self.0.read(buffer)
        }
    }
    let endless = Endless(io::Cursor::new(raw(b"folder/", EntryType::Directory, b"")));
    limits.package_bytes = 0;
    assert!(read_archive(Path::new("model.tar"), endless, &limits).unwrap().is_empty());
}

#[test]
fn a_path_twice() {
    let bytes =
        end([raw(b"a", EntryType::Regular, b"1"), raw(b"a", EntryType::Regular, b"2")].concat());
    let files = read(&bytes).unwrap();
    let twice = PackageError::Twice { file: "a".into() };
    assert_eq!(verify(files).unwrap_err(), twice);
}

#[test]
fn every_truncation() {
    let bytes = archive(files());
    let whole = read(&bytes).unwrap();
    for length in 0..bytes.len() {
        // A cut between two entries leaves a smaller archive, one behind the last leaves all; any
        // other is an error.
        match read(&bytes[..length]) {
            Ok(files) if length % 512 == 0 => assert!(whole.starts_with(&files), "{length}"),
            Ok(files) => assert_eq!(files, whole, "{length}"),
            Err(
                StoreError::Io { .. }
                | StoreError::NotAnArchive { .. }
                | StoreError::Package(PackageError::Size { .. }),
            ) => {}
            Err(other) => unreachable!("{length}: {other}"),
        }
    }
    assert!(read(b"").unwrap().is_empty());
    let error =
        read(b"no archive at all, but a file with a line\nor two in it".repeat(40).as_slice())
            .unwrap_err();
    let expected =
        "model.tar: neither a folder, a whole tar archive nor an .onnx file, so it is no package";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_damaged_header() {
    let mut bytes = archive(files());
    bytes[3] ^= 1;
    let error = read(&bytes).unwrap_err();
    assert!(error.to_string().starts_with("model.tar: "), "{error}");
    assert!(matches!(error, StoreError::NotAnArchive { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn any_files(contents in prop::collection::btree_map("[a-zä]{1,3}(/[a-z][a-z.]{0,2}){0,3}", prop::collection::vec(any::<u8>(), 0..1100), 0..5)) {
        let files: Vec<_> = contents.iter().map(|(path, content)| file(path, content)).collect();
        prop_assert_eq!(read(&archive(files.clone())).unwrap(), files);
    }

    #[test]
    fn changed_bytes(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = archive(files());
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        // It must not panic, and one manifest names one content.
        if let Ok(changed) = read(&bytes)
            && let Ok(package) = verify(changed.clone())
            && package.digest() == verify(files()).unwrap().digest()
        {
            prop_assert_eq!(changed, read(&archive(files())).unwrap());
        }
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        drop(read(&bytes));
    }
}
