//! Content codings of request bodies: gzip and deflate, undone within a bound.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};

use crate::problem::{Kind, Problem};

/// The body as it was before it was coded, of at most `limit` bytes. Memory is taken as bytes come
/// out, never for what a body claims.
///
/// # Errors
/// 413 for more, 400 for what is not what it says, 415 for another coding.
pub(crate) fn undo(headers: &HeaderMap, body: &Bytes, limit: usize) -> Result<Bytes, Problem> {
    let coding = headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes());
    let coding = coding.map(<[u8]>::trim_ascii).unwrap_or_default().to_ascii_lowercase();
    match coding.as_slice() {
        b"" | b"identity" if body.len() > limit => Err(too_large(limit)),
        b"" | b"identity" => Ok(body.clone()),
        b"gzip" | b"x-gzip" => read(MultiGzDecoder::new(body.as_ref()), limit, "gzip"),
        // In HTTP, deflate means the zlib format.
        b"deflate" => read(ZlibDecoder::new(body.as_ref()), limit, "deflate"),
        other => {
            let shown = String::from_utf8_lossy(other.get(..40).unwrap_or(other)).into_owned();
            let message = format!(
                "the body's content-encoding is {shown:?}; gzip, deflate and none are read"
            );
            Err(Problem::new(Kind::UnsupportedMediaType, message))
        }
    }
}

fn read(decoder: impl Read, limit: usize, coding: &str) -> Result<Bytes, Problem> {
    let mut out = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(most).read_to_end(&mut out).map_err(|error| {
        Problem::input("invalid-coding", format!("the body is not what {coding} makes: {error}"))
    })?;
    if out.len() > limit {
        return Err(too_large(limit));
    }
    Ok(out.into())
}

fn too_large(limit: usize) -> Problem {
    Problem::too_large(format!("the body is larger than the {limit} bytes that are read; split it"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use http::HeaderValue;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn codings_are_undone_or_refused() {
        let check = |coding: &'static str, body: Vec<u8>, expected: Result<&[u8], u16>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
            let found = undo(&headers, &Bytes::from(body), 1000);
            let found = found.as_deref().map_err(|problem| problem.kind().status().as_u16());
            assert_eq!(found, expected, "{coding}");
        };
        check("identity", b"text".to_vec(), Ok(b"text"));
        check("gzip", gzip(b"text"), Ok(b"text"));
        check("GZIP", gzip(b"text"), Ok(b"text"));
        check("x-gzip", [gzip(b"te"), gzip(b"xt")].concat(), Ok(b"text"));
        check("deflate", deflate(b"text"), Ok(b"text"));
        check("gzip", gzip(&[0; 1000]), Ok(&[0; 1000]));
        check("gzip", gzip(&[0; 1001]), Err(413));
        check("gzip", gzip(&vec![0; 50_000_000]), Err(413));
        check("identity", vec![0; 1001], Err(413));
        check("gzip", b"no gzip".to_vec(), Err(400));
        check("gzip", gzip(&[1; 500]).get(..20).unwrap().to_vec(), Err(400));
        check("br", b"text".to_vec(), Err(415));
        check("gzip, gzip", gzip(&gzip(b"text")), Err(415));
    }
}
