//! The function package: a `bootstrap` or a zip in, a fresh folder that a process can start in out.
//!
//! Everything that Lambda would refuse at upload or at the first start is refused here, with the
//! reason: sizes, a missing `bootstrap`, its run bit, its processor.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use object::read::elf::{ElfFile32, ElfFile64};
use object::{Object, ObjectSection};

use crate::error::PackageError;
use crate::janitor::Janitor;
use crate::options::Function;

/// Bytes of a zip in a direct upload (AWS Lambda quotas: 50 MB).
pub const ZIP_BYTES: u64 = 50 * 1024 * 1024;
/// Bytes of the unpacked package (AWS Lambda quotas: 250 MB).
pub const UNPACKED_BYTES: u64 = 250 * 1024 * 1024;

const ZIP_MAGIC: [u8; 4] = *b"PK\x03\x04";
const ELF_MAGIC: [u8; 4] = *b"\x7fELF";

/// Unpacks `package` (a zip, or the `bootstrap` itself) into the empty folder `task` and checks it.
/// Whether this machine can run it counts only if `itself` is to be started, without a runner.
pub fn unpack(package: &Path, task: &Path, itself: bool) -> Result<(), PackageError> {
    let read = |source| PackageError::Read { path: package.to_path_buf(), source };
    if first_bytes(package).map_err(read)?.starts_with(&ZIP_MAGIC) || has_zip_name(package) {
        unpack_zip(package, task)?;
    } else {
        if fs::metadata(package).map_err(read)?.len() > UNPACKED_BYTES {
            return Err(PackageError::UnpackedTooLarge { accepted: UNPACKED_BYTES });
        }
        fs::copy(package, task.join("bootstrap")).map_err(read)?;
    }
    check_bootstrap(task, itself)
}

fn has_zip_name(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"))
}

fn unpack_zip(package: &Path, task: &Path) -> Result<(), PackageError> {
    let read = |source| PackageError::Read { path: package.to_path_buf(), source };
    let broken = |reason: String| PackageError::Zip { path: package.to_path_buf(), reason };
    let file = File::open(package).map_err(read)?;
    let found = file.metadata().map_err(read)?.len();
    if found > ZIP_BYTES {
        return Err(PackageError::ZipTooLarge { found, accepted: ZIP_BYTES });
    }
    let mut zip = zip::ZipArchive::new(file).map_err(|error| broken(error.to_string()))?;
    let mut left = UNPACKED_BYTES;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(|error| broken(error.to_string()))?;
        let Some(name) = entry.enclosed_name() else {
            return Err(PackageError::Escape {
                entry: format!("number {index}: {:?}", entry.name()),
            });
        };
        let target = task.join(name);
        if entry.is_dir() {
            fs::create_dir_all(&target).map_err(read)?;
            continue;
        }
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(read)?;
        }
        let mode = entry.unix_mode();
        if entry.is_symlink() {
            let mut link = String::new();
            entry.by_ref().take(4096).read_to_string(&mut link).map_err(read)?;
            std::os::unix::fs::symlink(link, &target).map_err(read)?;
            continue;
        }
        let mut output = File::create_new(&target).map_err(read)?;
        // The sizes in a zip's headers are claims; only what comes out counts.
        let written = io::copy(&mut entry.by_ref().take(left + 1), &mut output)
            .map_err(|error| broken(error.to_string()))?;
        left = left
            .checked_sub(written)
            .ok_or(PackageError::UnpackedTooLarge { accepted: UNPACKED_BYTES })?;
        // A zip made without Unix modes is unpacked as Lambda does: readable, not executable.
        let mode = mode.map_or(0o644, |mode| mode & 0o777);
        fs::set_permissions(&target, fs::Permissions::from_mode(mode)).map_err(read)?;
    }
    Ok(())
}

fn check_bootstrap(task: &Path, itself: bool) -> Result<(), PackageError> {
    let path = task.join("bootstrap");
    let Ok(metadata) = fs::metadata(&path) else {
        return Err(PackageError::NoBootstrap { found: listing(task) });
    };
    let mode = metadata.permissions().mode() & 0o777;
    if !metadata.is_file() {
        return Err(PackageError::NoBootstrap { found: listing(task) });
    }
    if mode & 0o111 == 0 {
        return Err(PackageError::NotExecutable { mode });
    }
    if !itself {
        return Ok(());
    }
    let bytes = fs::read(&path).map_err(|source| PackageError::Read { path, source })?;
    let interpreter = if bytes.starts_with(&ELF_MAGIC) {
        elf_interpreter(&bytes)?
    } else if let Some(line) = bytes.strip_prefix(b"#!") {
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        String::from_utf8_lossy(line).split_whitespace().next().map(str::to_owned)
    } else {
        return Err(PackageError::NotAProgram { found: looks_like(&bytes).to_owned() });
    };
    match interpreter {
        Some(interpreter) if !Path::new(&interpreter).exists() => {
            Err(PackageError::NoInterpreter { interpreter })
        }
        _ => Ok(()),
    }
}

/// Checks the processor in the ELF header and returns the dynamic loader that the program names.
fn elf_interpreter(bytes: &[u8]) -> Result<Option<String>, PackageError> {
    let damaged = |_| PackageError::NotAProgram { found: "a damaged ELF file".to_owned() };
    let accepted = std::env::consts::ARCH.to_owned();
    // The fifth byte is the class: 1 for 32 bits, 2 for 64.
    if bytes.get(4) == Some(&1) {
        let file = ElfFile32::<object::Endianness>::parse(bytes).map_err(damaged)?;
        let found = format!("{:?} (32 bits)", file.architecture());
        return Err(PackageError::Architecture { found, accepted });
    }
    let file = ElfFile64::<object::Endianness>::parse(bytes).map_err(damaged)?;
    let found = match file.architecture() {
        object::Architecture::X86_64 => "x86_64".to_owned(),
        object::Architecture::Aarch64 => "aarch64".to_owned(),
        other => format!("{other:?}"),
    };
    if found != accepted {
        return Err(PackageError::Architecture { found, accepted });
    }
    let interpreter = file.section_by_name(".interp").and_then(|section| section.data().ok());
    Ok(interpreter
        .map(|data| String::from_utf8_lossy(data).trim_end_matches('\0').to_owned())
        .filter(|path| !path.is_empty()))
}

fn looks_like(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "empty",
        [b'M', b'Z', ..] => "a Windows program",
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, ..] => "a macOS program",
        [0x00, b'a', b's', b'm', ..] => "a WebAssembly module",
        _ => "of unknown content",
    }
}

fn first_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The names at the package's root, for the message about a missing `bootstrap`.
fn listing(task: &Path) -> String {
    let Ok(entries) = fs::read_dir(task) else { return "nothing".to_owned() };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .take(20)
        .map(|entry| {
            let slash = if entry.path().is_dir() { "/" } else { "" };
            format!("{}{slash}", entry.file_name().to_string_lossy())
        })
        .collect();
    names.sort();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// A folder of the emulator's own that is removed when the emulator goes.
#[derive(Debug)]
pub struct TaskRoot {
    folder: tempfile::TempDir,
    /// For the case that the emulator is killed.
    _janitor: Janitor,
}

impl TaskRoot {
    /// Unpacks the function's package into a fresh folder.
    pub fn new(function: &Function) -> Result<Self, crate::Error> {
        let folder = tempfile::Builder::new()
            .prefix("lambda-task-")
            .tempdir()
            .map_err(crate::Error::system("can't make a folder for the function"))?;
        let janitor = Janitor::of_folder(folder.path())
            .map_err(crate::Error::system("can't start /bin/sh"))?;
        unpack(&function.package, folder.path(), function.runner.is_empty())?;
        Ok(Self { folder, _janitor: janitor })
    }

    /// Where `LAMBDA_TASK_ROOT` points.
    pub fn path(&self) -> PathBuf {
        self.folder.path().to_path_buf()
    }
}
