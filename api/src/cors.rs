//! Which pages of other origins may read answers (the Fetch standard's CORS protocol).
//!
//! Without a setting none may. Credentials are never allowed: nothing here depends on them.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors(Origins);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Origins {
    Listed(Vec<HeaderValue>),
    Any,
}

const EXPOSED: &str = "ETag, Inference-Header-Content-Length, Retry-After";
const REQUESTED: &str = "Accept, Content-Encoding, Content-Type, Idempotency-Key, If-None-Match, \
                         Inference-Header-Content-Length, traceparent, tracestate";
/// How long a browser may remember it, in seconds.
const REMEMBERED: &str = "7200";

impl Cors {
    /// No other origin.
    pub const NONE: Self = Self(Origins::Listed(Vec::new()));

    /// These origins, each as browsers send it (`https://example.com`), or `*` for all.
    ///
    /// # Errors
    /// Names what is no origin.
    pub fn parse<'a>(origins: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut listed = Vec::new();
        for origin in origins {
            let origin = origin.trim();
            if origin == "*" {
                return Ok(Self(Origins::Any));
            }
            let wrong =
                || format!("{origin:?} is no origin; expected one as in https://example.com, or *");
            let (scheme, rest) = origin.split_once("://").ok_or_else(wrong)?;
            let is_scheme = matches!(scheme, "http" | "https");
            let is_host = !rest.is_empty() && !rest.contains(['/', '?', '#', '@', ' ', ',']);
            if !is_scheme || !is_host {
                return Err(wrong());
            }
            let value = origin.to_ascii_lowercase();
            listed.push(HeaderValue::from_str(&value).map_err(|_| wrong())?);
        }
        Ok(Self(Origins::Listed(listed)))
    }

    /// Marks a response as readable for the request's origin, where it is.
    pub(crate) fn mark(&self, request: &HeaderMap, response: &mut HeaderMap) {
        match &self.0 {
            Origins::Listed(origins) if origins.is_empty() => return,
            Origins::Any => {
                let any = HeaderValue::from_static("*");
                response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
            }
            Origins::Listed(origins) => {
                // A cache must not give one origin's answer to another.
                response.append(header::VARY, HeaderValue::from_static("Origin"));
                let origin = request.get(header::ORIGIN);
                let Some(origin) = origin.filter(|origin| origins.contains(origin)) else { return };
                response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            }
        }
        let exposed = HeaderValue::from_static(EXPOSED);
        response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }

    /// What a browser asks before it sends a request of its own shape.
    pub(crate) fn preflight(
        &self,
        request: &HeaderMap,
        allowed: &'static str,
        response: &mut HeaderMap,
    ) {
        let asked = request.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !asked || *self == Self::NONE {
            return;
        }
        let entries: [(HeaderName, &'static str); 3] = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, allowed),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, REQUESTED),
            (header::ACCESS_CONTROL_MAX_AGE, REMEMBERED),
        ];
        for (name, value) in entries {
            response.insert(name, HeaderValue::from_static(value));
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn origins_are_matched_whole() {
        let check = |origins: &[&str], origin: &'static str, expected: Option<&str>| {
            let cors = Cors::parse(origins.iter().copied()).unwrap();
            let mut request = HeaderMap::new();
            request.insert(header::ORIGIN, HeaderValue::from_static(origin));
            let mut response = HeaderMap::new();
            cors.mark(&request, &mut response);
            let found = response.get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
            assert_eq!(found.map(|value| value.to_str().unwrap()), expected, "{origins:?}");
        };
        check(&[], "https://a.example", None);
        check(&["*"], "https://a.example", Some("*"));
        check(&["https://a.example"], "https://a.example", Some("https://a.example"));
        check(&["https://a.example"], "https://a.example.evil.example", None);
        check(&["https://a.example"], "http://a.example", None);
        check(&["http://b:1", "https://a.example"], "http://b:1", Some("http://b:1"));
        check(&["https://a.example"], "null", None);
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for origin in ["", "example.com", "https://", "https://a/b", "ftp://a", "https://a b"] {
            let error = Cors::parse([origin]).unwrap_err();
            assert!(error.contains("expected one as in https://example.com"), "{error}");
        }
    }
}
