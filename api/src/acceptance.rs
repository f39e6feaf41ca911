//! What a client accepts (RFC 9110, section 12.5.1).

use http::{HeaderMap, header};

use crate::problem::{Kind, Problem};

/// # Errors
/// 406 where `Accept` has no room for `application/json`.
pub(crate) fn json(headers: &HeaderMap) -> Result<(), Problem> {
    if accepts(headers, "application", "json") {
        return Ok(());
    }
    let message = "the answer is application/json, which Accept leaves out";
    Err(Problem::new(Kind::NotAcceptable, message))
}

/// Whether a page is preferred: browsers name `text/html`, programs do not.
pub(crate) fn names_html(headers: &HeaderMap) -> bool {
    ranges(headers).any(|(kind, subtype, weight)| {
        kind.eq_ignore_ascii_case("text") && subtype.eq_ignore_ascii_case("html") && weight > 0.0
    })
}

/// Without the header everything is accepted. Of the ranges that fit, the most specific decides.
fn accepts(headers: &HeaderMap, kind: &str, subtype: &str) -> bool {
    if !headers.contains_key(header::ACCEPT) {
        return true;
    }
    let fitting = ranges(headers).filter_map(|(range, subrange, weight)| {
        let specificity = match (range, subrange) {
            ("*", "*") => 0,
            (range, "*") if range.eq_ignore_ascii_case(kind) => 1,
            (range, subrange)
                if range.eq_ignore_ascii_case(kind) && subrange.eq_ignore_ascii_case(subtype) =>
            {
                2
            }
            _ => return None,
        };
        Some((specificity, weight))
    });
    fitting.max_by_key(|(specificity, _)| *specificity).is_some_and(|(_, weight)| weight > 0.0)
}

/// Types, subtypes and weights. What is no range is passed over.
fn ranges(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str, f32)> {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        let weight = weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        Some((kind.trim(), subtype.trim(), weight))
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_most_specific_range_decides() {
        let check = |accept: Option<&'static str>, expected: bool| {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            }
            assert_eq!(json(&headers).is_ok(), expected, "{accept:?}");
        };
        check(None, true);
        check(Some("*/*"), true);
        check(Some("application/json"), true);
        check(Some("Application/JSON; q=0.5"), true);
        check(Some("text/html, application/*;q=0.1"), true);
        check(Some("text/html"), false);
        check(Some("application/json;q=0, */*"), false);
        check(Some("application/xml"), false);
        check(Some("nonsense"), false);
    }
}
