//! Function URLs: the format of HTTP APIs, with answers buffered or streamed.
//!
//! A streamed answer of the type `application/vnd.awslambda.http-integration-response` begins with
//! a JSON prelude (status, headers, cookies) and eight zero bytes. Source: "Invoking Lambda function
//! URLs" and "Response streaming for Lambda functions".

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::{Map, Value};

use super::answer::{self, HttpAnswer, Malformed, with_head};
use super::http_v2::event_of;
use super::request::HttpRequest;
use crate::invocation::Stream;
use crate::options::Function;
use crate::server::{Body, BoxError};

const INTEGRATION: &str = "application/vnd.awslambda.http-integration-response";
const SEPARATOR: [u8; 8] = [0; 8];
/// A prelude without its end after so many bytes is none.
const PRELUDE_BYTES: usize = 64 * 1024;
const URL_ID: &str = "emulator03";

pub(crate) fn event(request: &HttpRequest, _function: &Function) -> Value {
    event_of(request, &request.path, "anonymous", URL_ID)
}

pub(crate) fn is_integration(content_type: Option<&str>) -> bool {
    content_type.is_some_and(|value| value.trim().eq_ignore_ascii_case(INTEGRATION))
}

/// Passes a streamed answer on while it comes in.
pub(crate) async fn stream(mut stream: Stream) -> Result<Response<Body>, Malformed> {
    if !is_integration(stream.content_type.as_deref()) {
        let content_type = stream.content_type.as_deref().unwrap_or("application/octet-stream");
        let content_type = HeaderValue::from_str(content_type)
            .map_err(|_| Malformed::new("its content type is no header value"))?;
        let headers = vec![(http::header::CONTENT_TYPE, content_type)];
        return Ok(with_head(StatusCode::OK, headers, body(Bytes::new(), stream)));
    }
    let mut begin = BytesMut::new();
    let end = loop {
        if let Some(end) = separator(&begin) {
            break end;
        }
        if begin.len() > PRELUDE_BYTES {
            return Err(Malformed::new("its prelude has no end"));
        }
        match stream.next().await {
            Some(Ok(bytes)) => begin.extend_from_slice(&bytes),
            Some(Err(error)) => {
                return Err(Malformed::new(format!("it failed early: {}", error.error_type)));
            }
            None => return Err(Malformed::new("it ends before its prelude does")),
        }
    };
    let rest = begin.split_off(end + SEPARATOR.len()).freeze();
    let (status, headers) = prelude(begin.get(..end).unwrap_or_default())?;
    Ok(with_head(status, headers, body(rest, stream)))
}

/// A streamed answer that was collected for a buffered door.
pub(crate) fn split(whole: &Bytes) -> Result<HttpAnswer, Malformed> {
    let end = separator(whole).ok_or_else(|| Malformed::new("it has no prelude"))?;
    let (status, headers) = prelude(whole.get(..end).unwrap_or_default())?;
    Ok(HttpAnswer { status, headers, body: whole.slice(end + SEPARATOR.len()..) })
}

fn separator(bytes: &[u8]) -> Option<usize> {
    bytes.windows(SEPARATOR.len()).position(|window| window == SEPARATOR)
}

fn prelude(bytes: &[u8]) -> Result<(StatusCode, Vec<(HeaderName, HeaderValue)>), Malformed> {
    let fields: Map<String, Value> = answer::object(bytes)?;
    let status =
        if fields.contains_key("statusCode") { answer::status(&fields)? } else { StatusCode::OK };
    let mut headers = answer::headers(&fields, "headers")?;
    answer::default_content_type(&mut headers, "application/octet-stream");
    headers.extend(answer::cookies(&fields)?);
    Ok((status, headers))
}

/// A body that fails where the function failed, so that the client sees a broken transfer.
fn body(first: Bytes, stream: Stream) -> Body {
    let first = Some(first).filter(|first| !first.is_empty());
    let parts = futures_util::stream::unfold((first, stream), |(first, mut stream)| async move {
        let frame: Result<Frame<Bytes>, BoxError> = match first {
            Some(first) => Ok(Frame::data(first)),
            None => match stream.next().await? {
                Ok(bytes) => Ok(Frame::data(bytes)),
                Err(error) => Err(error.error_type.into()),
            },
        };
        Some((frame, (None, stream)))
    });
    StreamBody::new(parts).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use super::super::answer::tests::shown;
    use super::*;

    fn check(whole: &'static [u8], expected: &str) {
        assert_eq!(shown(split(&Bytes::from_static(whole))), expected);
    }

    #[test]
    fn a_prelude_is_split_off() {
        check(
            b"{\"statusCode\": 202, \"headers\": {\"content-type\": \"text/plain\"}, \"cookies\": [\"a=1\"]}\0\0\0\0\0\0\0\0hi\0",
            "202 content-type: text/plain; set-cookie: a=1; hi\0",
        );
        check(b"{}\0\0\0\0\0\0\0\0", "200 content-type: application/octet-stream; ");
        check(b"{}\0\0", "it has no prelude");
        check(b"[]\0\0\0\0\0\0\0\0", "it is JSON, but no object with a statusCode");
    }
}
