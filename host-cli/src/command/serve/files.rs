//! Files of a folder, such as a built page. Nothing outside of the folder is ever read.
//!
//! Beside a file may lie its compressed twins (`.br`, `.gz`), which go to clients that take them; and
//! in the folder a file `_headers`, as Netlify and Cloudflare Pages read it, with headers by path.

use std::path::{Path, PathBuf};

use anyhow::Result;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use percent_encoding::percent_decode_str;

use super::header_rules::HeaderRules;
use crate::failure::InputError;

/// The largest file. A page's models and component are of this order.
const LARGEST: u64 = 256 << 20;

/// The compressed forms of a file: the coding's name and what is added to the file's, the smallest
/// first.
const TWINS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// A folder.
pub(super) struct Files {
    /// Without links or dots in it.
    folder: PathBuf,
    rules: HeaderRules,
}

/// What is sent of a file.
struct Sent {
    path: PathBuf,
    coding: Option<&'static str>,
}

impl Files {
    /// # Errors
    /// If it is no folder, or its `_headers` are none.
    pub(super) fn of(folder: &Path) -> Result<Self> {
        let canonical = folder.canonicalize().ok().filter(|folder| folder.is_dir());
        let wrong = || InputError(format!("--static: {} is no folder", folder.display()));
        let folder = canonical.ok_or_else(wrong)?;
        let rules = HeaderRules::of(&folder)?;
        Ok(Self { folder, rules })
    }

    /// The file of a path, if there is one and it is asked for.
    pub(super) async fn answer(&self, request: &Parts) -> Option<Response<Bytes>> {
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return None;
        }
        let path = self.path(request.uri.path())?;
        let sent =
            twin(&path, &request.headers).unwrap_or(Sent { path: path.clone(), coding: None });
        let tag = tag(&tokio::fs::metadata(&sent.path).await.ok()?);
        let content = tokio::fs::read(&sent.path).await.ok()?;
        let unchanged = tag.is_some() && request.headers.get(header::IF_NONE_MATCH) == tag.as_ref();
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        self.rules.apply(request.uri.path(), headers);
        if let Some(tag) = tag {
            headers.insert(header::ETAG, tag);
        }
        if unchanged {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Some(response);
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(&path)));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(content.len()));
        if let Some(coding) = sent.coding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        if request.method != Method::HEAD {
            *response.body_mut() = content.into();
        }
        Some(response)
    }

    /// The file that a path names: inside of the folder, not hidden, not too large.
    fn path(&self, path: &str) -> Option<PathBuf> {
        let path = percent_decode_str(path).decode_utf8().ok()?;
        let mut file = self.folder.clone();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            // `..`, too, begins with a dot.
            if part.starts_with('.') || part.contains(['\\', '\0', ':']) {
                return None;
            }
            file.push(part);
        }
        if file.is_dir() {
            file.push("index.html");
        }
        let file = readable(&file.canonicalize().ok()?)?;
        (file.starts_with(&self.folder) && !HeaderRules::is_at(&file)).then_some(file)
    }
}

/// The path, if a file lies there that is not too large.
fn readable(path: &Path) -> Option<PathBuf> {
    let metadata = path.metadata().ok()?;
    (metadata.is_file() && metadata.len() <= LARGEST).then(|| path.to_owned())
}

/// The smallest compressed form of a file that a client takes. A link is no twin: it may lead out
/// of the folder.
fn twin(path: &Path, headers: &HeaderMap) -> Option<Sent> {
    let accepted = headers.get(header::ACCEPT_ENCODING)?.to_str().ok()?;
    let takes = |coding: &str| {
        accepted.split(',').any(|entry| {
            let (name, weight) = entry.split_once(';').unwrap_or((entry, ""));
            let refused = weight.trim().strip_prefix("q=").is_some_and(|weight| {
                weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0)
            });
            name.trim().eq_ignore_ascii_case(coding) && !refused
        })
    };
    TWINS.into_iter().filter(|(coding, _)| takes(coding)).find_map(|(coding, extension)| {
        let mut twin = path.as_os_str().to_owned();
        twin.push(extension);
        let twin = PathBuf::from(twin);
        let is_link = twin.symlink_metadata().ok()?.is_symlink();
        let path = readable(&twin).filter(|_| !is_link)?;
        Some(Sent { path, coding: Some(coding) })
    })
}

/// Changes whenever the file does.
fn tag(metadata: &std::fs::Metadata) -> Option<HeaderValue> {
    let modified = metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let text = format!("W/\"{:x}-{:x}\"", metadata.len(), modified.as_nanos());
    HeaderValue::from_str(&text).ok()
}

/// What browsers insist on (scripts, modules, WebAssembly that is compiled as it streams in), and
/// what else a page has.
fn media_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/vnd.microsoft.icon",
        "woff2" => "font/woff2",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
