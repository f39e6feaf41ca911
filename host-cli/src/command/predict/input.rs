//! What a user names: a file or a folder, and the instances in it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Result;
use model_package::Modality;
use predictor_host::{Instance, Request};
use serde_json::Value;

use crate::failure::InputError;

/// The largest input file. Larger ones belong into parts.
const LARGEST_INPUT: u64 = 256 << 20;

/// The largest folder, all pictures together.
const LARGEST_FOLDER: u64 = 1 << 30;

/// How the files begin that hold a picture.
const PICTURES: [&[u8]; 7] =
    [b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8", b"BM", b"II*\0", b"MM\0*"];

/// What was read, before it is known which model it is for.
pub(super) enum Input {
    /// A file's content.
    File { path: PathBuf, bytes: Vec<u8> },
    /// The files of a folder: names and contents.
    Folder(Vec<(String, Vec<u8>)>),
}

/// Instances, and the names of the files that they come from; none for a single file.
pub(super) struct Named {
    pub(super) request: Request,
    pub(super) names: Vec<String>,
}

/// How messages call an input.
pub(super) fn name(path: &Path) -> String {
    if path == Path::new("-") { "standard input".into() } else { path.display().to_string() }
}

impl Input {
    /// Reads a file, standard input or a folder.
    pub(super) fn read(path: &Path) -> Result<Self> {
        if !path.is_dir() {
            return Ok(Self::File { path: path.to_owned(), bytes: read_bounded(path)? });
        }
        let unreadable = |error: io::Error| InputError(format!("can't be read: {error}"));
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if !hidden && entry.path().is_file() {
                paths.push(entry.path());
            }
        }
        paths.sort();
        let mut files = Vec::new();
        let mut total = 0;
        for path in paths {
            let bytes = read_bounded(&path)?;
            if !is_picture(&bytes) {
                continue;
            }
            total += bytes.len() as u64;
            if total > LARGEST_FOLDER {
                let message = format!("more than {} MiB; split it", LARGEST_FOLDER >> 20);
                return Err(InputError(message).into());
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, bytes));
        }
        if files.is_empty() {
            let message = "a folder without a picture; JPEG, PNG, WebP, GIF and BMP are accepted";
            return Err(InputError(message.into()).into());
        }
        Ok(Self::Folder(files))
    }

    /// Which kind of model it seems to be for.
    pub(super) fn modality(&self) -> Modality {
        let Self::File { path, bytes } = self else {
            return Modality::Image;
        };
        if is_picture(bytes) {
            return Modality::Image;
        }
        let first = |value: Value| match value {
            Value::Array(values) => values.into_iter().next(),
            other => Some(other),
        };
        match json(path, bytes).and_then(first) {
            Some(Value::Object(object)) if object.contains_key("image") => Modality::Image,
            Some(Value::Object(object)) if object.contains_key("text") => Modality::Text,
            None if has_extension(path, "txt") => Modality::Text,
            _ => Modality::Tabular,
        }
    }

    /// The instances, for a model that takes `modality`.
    pub(super) fn request(self, modality: Modality) -> Result<Named> {
        let (path, bytes) = match self {
            Self::File { path, bytes } => (path, bytes),
            Self::Folder(files) => {
                let (names, pictures): (Vec<_>, Vec<_>) = files.into_iter().unzip();
                let instances = pictures.into_iter().map(Instance::Image).collect();
                return Ok(Named { request: Request::of(instances, true), names });
            }
        };
        let is_json = json(&path, &bytes).is_some();
        let single =
            |instance| Ok(Named { request: Request::of(vec![instance], false), names: Vec::new() });
        if is_picture(&bytes) || (modality == Modality::Image && !is_json) {
            return single(Instance::Image(bytes));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let place = error.utf8_error().valid_up_to();
            InputError(format!("not UTF-8 text (byte {place})"))
        })?;
        let claims_json = has_extension(&path, "json") || has_extension(&path, "jsonl");
        let is_text = modality == Modality::Text || has_extension(&path, "txt");
        if is_text && !is_json && !claims_json {
            let line = text.strip_suffix('\n').unwrap_or(&text);
            let line = line.strip_suffix('\r').unwrap_or(line);
            return single(Instance::Text(line.to_owned()));
        }
        let request = Request::parse(&text)?;
        if modality != Modality::Image {
            return Ok(Named { request, names: Vec::new() });
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        let instances: Result<Vec<_>> =
            request.instances().iter().map(|instance| with_picture(instance, folder)).collect();
        Ok(Named { request: Request::of(instances?, request.is_array()), names: Vec::new() })
    }
}

/// An instance whose `image` is the path of a file becomes that file's picture.
fn with_picture(instance: &Instance, folder: &Path) -> Result<Instance> {
    const LONGEST_PATH: usize = 4096;
    let Instance::Json(text) = instance else { return Ok(instance.clone()) };
    let value = model_package::strict_json::value(text.as_bytes()).ok();
    let object = value.as_ref().and_then(Value::as_object).filter(|object| object.len() == 1);
    let image = object.and_then(|object| object.get("image")).and_then(Value::as_str);
    let path = image.filter(|image| image.len() <= LONGEST_PATH).map(|image| folder.join(image));
    match path.filter(|path| path.is_file()) {
        Some(path) => Ok(Instance::Image(read_bounded(&path)?)),
        None => Ok(instance.clone()),
    }
}

/// The JSON in a file, if its content is JSON.
fn json(path: &Path, bytes: &[u8]) -> Option<Value> {
    let opens = bytes.trim_ascii_start().first();
    if has_extension(path, "txt") || !matches!(opens, Some(b'{' | b'[')) {
        return None;
    }
    serde_json::from_slice(bytes).ok()
}

fn is_picture(bytes: &[u8]) -> bool {
    PICTURES.iter().any(|start| bytes.starts_with(start))
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

fn read_bounded(path: &Path) -> Result<Vec<u8>> {
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(|error| InputError(format!("can't be read: {error}")))?)
    };
    let mut bytes = Vec::new();
    let read = source.take(LARGEST_INPUT + 1).read_to_end(&mut bytes);
    read.map_err(|error| InputError(format!("can't be read: {error}")))?;
    if bytes.len() as u64 > LARGEST_INPUT {
        let message = format!("larger than {} MiB; split it", LARGEST_INPUT >> 20);
        return Err(InputError(message).into());
    }
    Ok(bytes)
}
