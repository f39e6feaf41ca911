//! A request as every door needs it: read to the end, with the headers that AWS adds.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;

use crate::invocation::{epoch_milliseconds, new_trace_id};

#[derive(Debug)]
pub(crate) struct HttpRequest {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) protocol: String,
    /// As sent, percent-encoded.
    pub(crate) path: String,
    /// As sent, without the question mark.
    pub(crate) query: String,
    /// Names in lower case, in the order of their first appearance.
    pub(crate) headers: BTreeMap<String, Vec<String>>,
    pub(crate) body: Bytes,
    pub(crate) source_ip: String,
    pub(crate) host: String,
    pub(crate) trace_id: String,
    pub(crate) time_epoch_ms: u64,
    /// As in `12/Mar/2020:19:03:58 +0000`.
    pub(crate) time: String,
}

impl HttpRequest {
    pub(crate) fn new(head: Parts, body: Bytes, peer: SocketAddr) -> Self {
        let mut headers = collect(&head.headers);
        let trace_id = match headers.get("x-amzn-trace-id").and_then(|values| values.first()) {
            Some(trace_id) => trace_id.clone(),
            None => new_trace_id().split(';').next().unwrap_or_default().to_owned(),
        };
        headers.insert("x-amzn-trace-id".to_owned(), vec![trace_id.clone()]);
        let source_ip = peer.ip().to_string();
        let forwarded = match headers.get("x-forwarded-for").and_then(|values| values.first()) {
            Some(before) => format!("{before}, {source_ip}"),
            None => source_ip.clone(),
        };
        let host =
            headers.get("host").and_then(|values| values.first()).cloned().unwrap_or_default();
        let port = host.rsplit_once(':').map_or("80", |(_, port)| port).to_owned();
        headers.insert("x-forwarded-for".to_owned(), vec![forwarded]);
        headers.insert("x-forwarded-port".to_owned(), vec![port]);
        headers.insert("x-forwarded-proto".to_owned(), vec!["http".to_owned()]);
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            method: head.method.to_string(),
            protocol: format!("{:?}", head.version),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers,
            body,
            source_ip,
            host,
            trace_id,
            time_epoch_ms: epoch_milliseconds(),
            time: common_log_time(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.last().map(String::as_str)
    }

    /// The media type, in lower case and without parameters.
    pub(crate) fn media_type(&self) -> Option<String> {
        media_type(self.header("content-type")?)
    }

    /// Decoded names and values of the query, in order.
    pub(crate) fn query_pairs(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.query.as_bytes()).into_owned().collect()
    }

    /// Names and values of the query as sent.
    pub(crate) fn raw_query_pairs(&self) -> Vec<(String, String)> {
        self.query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (name.to_owned(), value.to_owned())
            })
            .collect()
    }

    /// The body as text or in base64, and which of them.
    pub(crate) fn body_text(&self, binary: bool) -> (String, bool) {
        if binary {
            (STANDARD.encode(&self.body), true)
        } else {
            (String::from_utf8_lossy(&self.body).into_owned(), false)
        }
    }
}

pub(crate) fn media_type(value: &str) -> Option<String> {
    let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    (!media_type.is_empty()).then_some(media_type)
}

/// Groups pairs by name.
pub(crate) fn grouped(pairs: Vec<(String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in pairs {
        groups.entry(name).or_default().push(value);
    }
    groups
}

fn collect(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    grouped(
        headers
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect(),
    )
}

fn common_log_time() -> String {
    const FORMAT: &[time::format_description::BorrowedFormatItem<'static>] = time::macros::format_description!(
        "[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000"
    );
    time::OffsetDateTime::from(SystemTime::now()).format(FORMAT).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A request as a listener would have read it.
    pub(crate) fn request(
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: &'static [u8],
    ) -> HttpRequest {
        let mut builder = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let (head, ()) = builder.body(()).unwrap_or_default().into_parts();
        HttpRequest::new(head, Bytes::from_static(body), SocketAddr::from(([127, 0, 0, 1], 4000)))
    }

    #[test]
    fn adds_what_aws_adds() {
        let request = request("GET", "/a%20b?x=1&x=%32&y", &[("x-forwarded-for", "10.0.0.1")], b"");
        assert_eq!(request.header("x-forwarded-for"), Some("10.0.0.1, 127.0.0.1"));
        assert!(request.trace_id.starts_with("Root=1-"));
        assert_eq!(request.path, "/a%20b");
        let pairs = request.query_pairs();
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("x", "1"), ("x", "2"), ("y", "")]);
        assert_eq!(request.raw_query_pairs().get(1), Some(&("x".to_owned(), "%32".to_owned())));
    }
}
