//! What `/` answers: a short page for people, JSON for programs.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use serde_json::json;

use crate::{Api, acceptance, response};

/// Nothing is loaded, run or framed.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

pub(crate) fn index(api: &Api, headers: &HeaderMap) -> Response<Bytes> {
    let mut response = if acceptance::names_html(headers) {
        let mut response = response::of("text/html; charset=utf-8", html(api));
        let policy = HeaderValue::from_static(POLICY);
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        response
    } else {
        let models: Vec<_> = api.names().collect();
        let text = json!({
            "name": "samebits",
            "version": env!("CARGO_PKG_VERSION"),
            "models": models,
            "openapi": "openapi.json",
        });
        response::json(text.to_string())
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}

/// A model's name has letters, digits and hyphens only, so nothing needs escaping.
fn html(api: &Api) -> String {
    let line = |name| {
        format!("<li><a href=\"models/{name}\">{name}</a>: <code>POST models/{name}/predict</code>")
    };
    let models = api.names().map(line).collect::<Vec<_>>().join("\n");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>samebits</title>\n\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;\
         padding:0 1rem;color-scheme:light dark}}</style>\n<h1>samebits</h1>\n\
         <p>Models in the sandbox of one WebAssembly component.\n<ul>\n{models}\n</ul>\n\
         <p><a href=\"openapi.json\">OpenAPI</a> · <a href=\"metadata\">metadata</a> ·\n\
         <a href=\"v2\">Open Inference Protocol</a> · <a href=\"health/ready\">health</a>\n"
    )
}
