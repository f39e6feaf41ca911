//! Any bytes as an archive. One that reads is within the limits, and reads the same when it is
//! written again.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use model_package::store::{read_archive, write_archive};
use model_package::{Limits, Package};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::DEFAULT;
    let read = |bytes: &[u8]| read_archive(Path::new("model.tar"), bytes, &limits);
    let Ok(mut files) = read(bytes) else { return };
    assert!(files.len() <= limits.files);
    assert!(files.iter().map(|file| file.content.len()).sum::<usize>() <= bytes.len());
    let mut written = Vec::new();
    write_archive(files.clone(), &mut written).expect("memory takes every byte");
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(read(&written).expect("it was written here"), files);
    drop(Package::verify(files, &limits));
});
