//! Documents that stay the same as long as the models do: made when first asked for, and given
//! again only to those who have another.

use std::sync::OnceLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use model_package::Digest;
use serde_json::Value;

use crate::model::Models;
use crate::{Settings, description, openapi, response};

/// A JSON text and its entity tag.
#[derive(Debug)]
pub(crate) struct Document {
    body: Bytes,
    tag: String,
}

impl Document {
    pub(crate) fn new(value: Value) -> Self {
        let body = Bytes::from(value.to_string());
        let tag = format!("\"{}\"", Digest::of(&body).hex());
        Self { body, tag }
    }
}

/// Those of all models together.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    metadata: OnceLock<Document>,
    models: OnceLock<Document>,
    openapi: OnceLock<Document>,
}

impl Documents {
    pub(crate) fn metadata(&self, models: &Models, headers: &HeaderMap) -> Response<Bytes> {
        let make = || Document::new(description::metadata(models));
        answer(self.metadata.get_or_init(make), headers)
    }

    pub(crate) fn models(&self, models: &Models, headers: &HeaderMap) -> Response<Bytes> {
        let make = || Document::new(description::list(models));
        answer(self.models.get_or_init(make), headers)
    }

    pub(crate) fn openapi(
        &self,
        models: &Models,
        settings: &Settings,
        headers: &HeaderMap,
    ) -> Response<Bytes> {
        let make = || Document::new(openapi::document(models, settings));
        answer(self.openapi.get_or_init(make), headers)
    }
}

/// The document, or 304 for who has it.
pub(crate) fn answer(document: &Document, headers: &HeaderMap) -> Response<Bytes> {
    let mut response = if has(headers, &document.tag) {
        response::empty(StatusCode::NOT_MODIFIED)
    } else {
        response::json(document.body.clone())
    };
    // To be kept, but asked for again: another model may be there by then.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&document.tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Whether `If-None-Match` names the tag. A weak tag is as good as a strong one here (RFC 9110,
/// section 13.1.2).
fn has(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_weakly() {
        let document = Document::new(Value::from(1));
        let tag = document.tag.clone();
        let check = |known: String, expected: u16| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(&known).unwrap());
            assert_eq!(answer(&document, &headers).status().as_u16(), expected, "{known}");
        };
        check(tag.clone(), 304);
        check(format!("W/{tag}"), 304);
        check(format!("\"other\", {tag}"), 304);
        check("*".into(), 304);
        check("\"other\"".into(), 200);
        check(tag.trim_matches('"').to_owned(), 200);
    }
}
