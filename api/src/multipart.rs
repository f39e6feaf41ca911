//! `multipart/form-data` (RFC 7578) of a body that is there as a whole.
//!
//! Parts are slices of the body; nothing is copied, and nothing is taken for what a header claims.

use bytes::Bytes;
use memchr::memmem;

use crate::problem::Problem;

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its own `Content-Type`, if it has one.
    pub content_type: Option<String>,
    /// Its content.
    pub content: Bytes,
}

/// Parts in one body.
const MOST_PARTS: usize = 1000;
/// Bytes of a part's headers, and their number.
const MOST_HEADER_BYTES: usize = 8192;
const MOST_HEADERS: usize = 16;

/// The parts of a body.
///
/// # Errors
/// 400 for what is no such body, 413 for too many parts.
pub fn parts(boundary: &str, body: &Bytes) -> Result<Vec<Part>, Problem> {
    if !is_boundary(boundary) {
        return Err(wrong("the boundary in its content-type is none"));
    }
    let delimiter = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(delimiter.as_bytes());
    let Some(first) = delimiter.get(2..) else { return Err(wrong("it has no boundary")) };
    // The first delimiter has no line end before it, unless there is a preamble.
    let mut place = if body.starts_with(first.as_bytes()) {
        first.len()
    } else {
        let found = finder.find(body);
        found.ok_or_else(|| wrong("its boundary is nowhere in it"))? + delimiter.len()
    };
    let mut parts = Vec::new();
    loop {
        let rest = body.get(place..).unwrap_or_default();
        if rest.starts_with(b"--") {
            break;
        }
        // Blanks may follow a boundary (RFC 2046, section 5.1.1).
        let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let after = rest.get(blanks..).unwrap_or_default();
        if !after.starts_with(b"\r\n") {
            return Err(wrong("a boundary is not followed by the end of its line"));
        }
        if parts.len() == MOST_PARTS {
            return Err(Problem::too_large(format!(
                "more than {MOST_PARTS} parts in one body; split it"
            )));
        }
        let start = place + blanks;
        // A part without headers begins with its empty line: the line end is looked for from the
        // boundary's own on.
        let length = finder
            .find(after.get(2..).unwrap_or_default())
            .map(|length| length + 2)
            .ok_or_else(|| wrong("its last boundary is missing"))?;
        parts.push(part(&body.slice(start..start + length))?);
        place = start + length + delimiter.len();
    }
    Ok(parts)
}

/// One part, from the line end of its boundary to the one before the next.
fn part(bytes: &Bytes) -> Result<Part, Problem> {
    let end = memmem::find(bytes, b"\r\n\r\n")
        .ok_or_else(|| wrong("a part has no empty line between headers and content"))?;
    let content = bytes.slice(end + 4..);
    let head = bytes.get(2..end + 2).unwrap_or_default();
    if head.is_empty() || end < 2 {
        return Ok(Part { content_type: None, content });
    }
    if head.len() > MOST_HEADER_BYTES {
        return Err(wrong("a part's headers are longer than 8 KiB"));
    }
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let block = bytes.get(2..end + 4).unwrap_or_default();
    let parsed = httparse::parse_headers(block, &mut headers);
    let Ok(httparse::Status::Complete((_, headers))) = parsed else {
        return Err(wrong("a part's headers are none"));
    };
    let value = |name: &str| {
        let found = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let encoding = value("content-transfer-encoding").unwrap_or("binary").trim();
    if !["binary", "8bit", "7bit"].iter().any(|known| encoding.eq_ignore_ascii_case(known)) {
        return Err(wrong("a part has a content-transfer-encoding; send it as it is"));
    }
    Ok(Part { content_type: value("content-type").map(str::to_owned), content })
}

/// 1 to 70 of the characters of RFC 2046, the last no blank.
fn is_boundary(boundary: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    (1..=70).contains(&boundary.len()) && boundary.bytes().all(known) && !boundary.ends_with(' ')
}

fn wrong(what: &str) -> Problem {
    Problem::input("invalid-multipart", format!("the body is no multipart/form-data: {what}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Content types and contents of the parts of a body with the boundary `b`; `|` stands for a
    /// line end.
    fn check(body: &str, expected: Option<&[(Option<&str>, &str)]>) {
        let body = Bytes::from(body.replace('|', "\r\n"));
        let found = parts("b", &body).ok();
        let found = found.map(|parts| {
            let pair = |part: Part| {
                (part.content_type, String::from_utf8_lossy(&part.content).into_owned())
            };
            parts.into_iter().map(pair).collect::<Vec<_>>()
        });
        let expected = expected.map(|pairs| {
            let pair = |(kind, text): &(Option<&str>, &str)| {
                (kind.map(str::to_owned), text.replace('|', "\r\n"))
            };
            pairs.iter().map(pair).collect::<Vec<_>>()
        });
        assert_eq!(found, expected, "{body:?}");
    }

    #[test]
    fn bodies_are_cut_into_parts() {
        check("--b||text|--b--", Some(&[(None, "text")]));
        check("--b--", Some(&[]));
        check("--b|Content-Type: a/b||1|--b|content-type:c/d||2|--b--|", {
            Some(&[(Some("a/b"), "1"), (Some("c/d"), "2")])
        });
        check("preamble|--b||x|--b--epilogue", Some(&[(None, "x")]));
        check("x--b||x|--b--", Some(&[]));
        check("--b \t|X: y||x|--b--", Some(&[(None, "x")]));
        check("--b||||--b--", Some(&[(None, "|")]));
        check("--b|||--b--", Some(&[(None, "")]));
        check("--b||a|-b|--|--b--", Some(&[(None, "a|-b|--")]));
        check("--b||a\n--b\n|--b--", Some(&[(None, "a\n--b\n")]));
        check("--b|Content-Transfer-Encoding: 8BIT||x|--b--", Some(&[(None, "x")]));
    }

    #[test]
    fn wrong_bodies_are_refused() {
        for body in [
            "",
            "--b",
            "--b|",
            "--b||text",
            "--b||text|--",
            "--bX||text|--b--",
            "--b|no header||x|--b--",
            "--b|Content-Type: a/b|--b--",
            "--b|Content-Transfer-Encoding: base64||eA==|--b--",
        ] {
            check(body, None);
        }
        check(&format!("--b|X: {}||x|--b--", "y".repeat(9000)), None);
        check(&format!("--b|{}||x|--b--", "X: y|".repeat(17).trim_end_matches('|')), None);
        check(&format!("{}--b--", "--b||x|".repeat(1001)), None);
    }

    #[test]
    fn boundaries_that_are_none_are_refused() {
        let body = Bytes::from_static(b"--x\r\n\r\n1\r\n--x--");
        for boundary in ["", "x ", "a\"b", "a\r\nb", "ä", &"x".repeat(71)] {
            assert!(parts(boundary, &body).is_err(), "{boundary:?}");
        }
        assert!(parts("x", &body).is_ok());
    }

    proptest! {
        /// Whatever comes in, what comes out lies in it.
        #[test]
        fn hostile_bodies_are_cut_or_refused(
            pieces in proptest::collection::vec(
                prop_oneof!["--b", "--", "\r\n", "\r\n\r\n", "\r\n--b\r\n", "[a-z: ]{0,9}"], 0..20,
            ),
        ) {
            let body = Bytes::from(pieces.concat());
            for part in parts("b", &body).unwrap_or_default() {
                prop_assert!(memmem::find(&body, &part.content).is_some());
                prop_assert!(memmem::find(&part.content, b"\r\n--b").is_none());
            }
        }

        #[test]
        fn parts_come_back_as_they_were(
            contents in proptest::collection::vec(
                proptest::collection::vec(any::<u8>(), 0..200), 1..5,
            ),
        ) {
            let mut body = Vec::new();
            for content in &contents {
                body.extend_from_slice(b"--boundary-of-many\r\nContent-Type: image/png\r\n\r\n");
                body.extend_from_slice(content);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"--boundary-of-many--\r\n");
            let found = parts("boundary-of-many", &Bytes::from(body)).unwrap();
            let found: Vec<_> = found.iter().map(|part| part.content.to_vec()).collect();
            prop_assert_eq!(found, contents);
        }
    }
}
