//! Files of a folder, such as a built page. Nothing outside of the folder is ever read.

use std::path::{Path, PathBuf};

use anyhow::Result;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use percent_encoding::percent_decode_str;

use crate::failure::InputError;

/// The largest file. A page's models and component are of this order.
const LARGEST: u64 = 256 << 20;

/// A folder.
pub(super) struct Files {
    /// Without links or dots in it.
    folder: PathBuf,
}

impl Files {
    /// # Errors
    /// If it is no folder.
    pub(super) fn of(folder: &Path) -> Result<Self> {
        let canonical = folder.canonicalize().ok().filter(|folder| folder.is_dir());
        let wrong = || InputError(format!("--static: {} is no folder", folder.display()));
        Ok(Self { folder: canonical.ok_or_else(wrong)? })
    }

    /// The file of a path, if there is one and it is asked for.
    pub(super) async fn answer(&self, request: &Parts) -> Option<Response<Bytes>> {
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return None;
        }
        let path = self.path(request.uri.path())?;
        let metadata = tokio::fs::metadata(&path).await.ok()?;
        let content = tokio::fs::read(&path).await.ok()?;
        let tag = tag(&metadata);
        let known = request.headers.get(header::IF_NONE_MATCH);
        let unchanged = tag.is_some() && known == tag.as_ref();
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(tag) = tag {
            headers.insert(header::ETAG, tag);
        }
        if unchanged {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Some(response);
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(&path)));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(content.len()));
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
        let file = file.canonicalize().ok()?;
        let metadata = file.metadata().ok()?;
        let inside = file.starts_with(&self.folder);
        (inside && metadata.is_file() && metadata.len() <= LARGEST).then_some(file)
    }
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
