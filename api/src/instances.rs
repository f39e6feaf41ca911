//! From a request's body to instances: what its content type says, and where it says nothing, what
//! the model takes.

use bytes::Bytes;
use http::{HeaderMap, header};
use model_package::Modality;
use predictor_host::Instance;

use crate::Settings;
use crate::json_body::{self, Form, JsonBody};
use crate::multipart::{self, Part};
use crate::problem::{Kind, Problem};

/// The instances of a request.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) instances: Vec<Instance>,
    pub(crate) form: Form,
    /// The model that an envelope names.
    pub(crate) model: Option<String>,
}

impl Given {
    fn single(instance: Instance) -> Self {
        Self { instances: vec![instance], form: Form::Single, model: None }
    }
}

/// What a media type stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kinds<'a> {
    Json,
    Text,
    Image,
    /// With the boundary.
    Multipart(&'a str),
    /// Anything: no type, or one that says as little.
    Any,
}

const ACCEPTED: &str = "application/json, text/plain, image/* and multipart/form-data are read";

/// Reads a body. `modality` is that of the model, if one is known before the body is.
///
/// # Errors
/// 400, 413 or 415.
pub(crate) fn read(
    headers: &HeaderMap,
    body: &Bytes,
    modality: Option<Modality>,
    settings: &Settings,
) -> Result<Given, Problem> {
    if body.is_empty() {
        return Err(Problem::input("empty-body", "the body is empty; send an instance"));
    }
    let content_type = match headers.get(header::CONTENT_TYPE) {
        None => None,
        Some(value) => Some(value.to_str().map_err(|_| unsupported("no text"))?),
    };
    match kind(content_type)? {
        Kinds::Json => json(body, settings),
        Kinds::Text => Ok(Given::single(Instance::Text(plain(body)?))),
        Kinds::Image => Ok(Given::single(Instance::Image(body.to_vec()))),
        Kinds::Multipart(boundary) => form_data(boundary, body, modality),
        Kinds::Any => match modality {
            Some(Modality::Image) if !opens_json(body) => {
                Ok(Given::single(Instance::Image(body.to_vec())))
            }
            Some(Modality::Text) if !opens_json(body) => {
                Ok(Given::single(Instance::Text(plain(body)?)))
            }
            _ => json(body, settings),
        },
    }
}

fn json(body: &[u8], settings: &Settings) -> Result<Given, Problem> {
    let JsonBody { texts, form, model } = json_body::read(text(body)?, settings.instances)?;
    let instances = texts.into_iter().map(Instance::Json).collect();
    Ok(Given { instances, form, model })
}

/// Every part is an instance: one part is one instance, several are an array.
fn form_data(boundary: &str, body: &Bytes, modality: Option<Modality>) -> Result<Given, Problem> {
    let parts = multipart::parts(boundary, body)?;
    let instances: Vec<_> =
        parts.iter().map(|part| from_part(part, modality)).collect::<Result<_, _>>()?;
    match instances.len() {
        0 => Err(Problem::input("empty-body", "the form has no part; send an instance in each")),
        1 => Ok(Given { instances, form: Form::Single, model: None }),
        _ => Ok(Given { instances, form: Form::Array, model: None }),
    }
}

fn from_part(part: &Part, modality: Option<Modality>) -> Result<Instance, Problem> {
    let content = &part.content;
    match (kind(part.content_type.as_deref())?, modality) {
        (Kinds::Image, _) => Ok(Instance::Image(content.to_vec())),
        (Kinds::Json, _) => Ok(Instance::Json(text(content)?.to_owned())),
        (Kinds::Text, _) => Ok(Instance::Text(plain(content)?)),
        (Kinds::Any, Some(Modality::Image)) if !opens_json(content) => {
            Ok(Instance::Image(content.to_vec()))
        }
        (Kinds::Any, Some(Modality::Text)) if !opens_json(content) => {
            Ok(Instance::Text(plain(content)?))
        }
        (Kinds::Any, _) => Ok(Instance::Json(text(content)?.to_owned())),
        (Kinds::Multipart(_), _) => Err(unsupported("a form inside a form")),
    }
}

fn kind(content_type: Option<&str>) -> Result<Kinds<'_>, Problem> {
    let Some(content_type) = content_type else { return Ok(Kinds::Any) };
    let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let essence = essence.trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/octet-stream" | "" => Ok(Kinds::Any),
        "application/json" => Ok(Kinds::Json),
        "text/plain" => match parameter(parameters, "charset") {
            Some(charset) if !is_utf_8(charset) => {
                Err(unsupported(&format!("{essence} in {charset:?}; send UTF-8")))
            }
            _ => Ok(Kinds::Text),
        },
        "multipart/form-data" => {
            let boundary = parameter(parameters, "boundary").ok_or_else(|| {
                Problem::input("invalid-multipart", "the content-type names no boundary")
            })?;
            Ok(Kinds::Multipart(boundary))
        }
        "application/x-www-form-urlencoded" => Err(unsupported(
            "application/x-www-form-urlencoded, as curl sends it unless told otherwise with \
             -H 'content-type: application/json'",
        )),
        _ if essence.starts_with("image/") => Ok(Kinds::Image),
        _ if essence.starts_with("application/") && essence.ends_with("+json") => Ok(Kinds::Json),
        _ => Err(unsupported(&essence)),
    }
}

fn unsupported(found: &str) -> Problem {
    let shown: String = found.chars().take(200).collect();
    let message = format!("the content-type is {shown}; {ACCEPTED}");
    Problem::new(Kind::UnsupportedMediaType, message)
}

/// The value of a media type's parameter, without the quotes around it.
fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters.split(';').find_map(|parameter| {
        let (found, value) = parameter.split_once('=')?;
        let value = value.trim();
        let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        found.trim().eq_ignore_ascii_case(name).then_some(quoted.unwrap_or(value))
    })
}

fn is_utf_8(charset: &str) -> bool {
    ["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known))
}

fn opens_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'['))
}

fn text(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| {
        let place = error.valid_up_to();
        Problem::input("invalid-text", format!("the body is not UTF-8 text (byte {place})"))
    })
}

/// Plain text. The line end at its end is not part of it, as in a file.
fn plain(bytes: &[u8]) -> Result<String, Problem> {
    let text = text(bytes)?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn given(content_type: &str, body: &'static [u8], modality: Modality) -> Result<Given, u16> {
        let mut headers = HeaderMap::new();
        if !content_type.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
        }
        read(&headers, &Bytes::from_static(body), Some(modality), &Settings::DEFAULT)
            .map_err(|problem| problem.kind().status().as_u16())
    }

    #[test]
    fn content_types_decide_what_a_body_is() {
        let check = |content_type: &str,
                     modality: Modality,
                     body: &'static [u8],
                     expected: &str| {
            let given = given(content_type, body, modality).unwrap();
            let shown: Vec<_> = given
                .instances
                .iter()
                .map(|instance| match instance {
                    Instance::Json(text) => format!("json {text}"),
                    Instance::Text(text) => format!("text {text}"),
                    Instance::Image(bytes) => format!("image {}", String::from_utf8_lossy(bytes)),
                })
                .collect();
            assert_eq!(format!("{:?} {}", given.form, shown.join(", ")), expected);
        };
        use Modality::{Image, Tabular, Text};
        check("application/json", Tabular, b"{}", "Single json {}");
        check("application/json; charset=utf-8", Image, b"[1,{}]", "Array json 1, json {}");
        check("application/vnd.me+json", Tabular, b"{}", "Single json {}");
        check("text/plain; charset=\"UTF-8\"", Tabular, b"hi\r\n", "Single text hi");
        check("image/jpeg", Tabular, b"\xff\xd8", "Single image \u{fffd}\u{fffd}");
        check("", Tabular, b"{}", "Single json {}");
        check("", Image, b"BM", "Single image BM");
        check("", Image, b"{\"image\":\"\"}", "Single json {\"image\":\"\"}");
        check("", Text, b"hi", "Single text hi");
        check("application/octet-stream", Image, b"BM", "Single image BM");
        let form = b"--x\r\nContent-Type: image/png\r\n\r\n1\r\n--x\r\n\r\n2\r\n--x--";
        check("multipart/form-data; boundary=x", Image, form, "Array image 1, image 2");
        check("multipart/form-data; boundary=\"x\"", Text, form, "Array image 1, text 2");
        check("multipart/form-data; boundary=x", Tabular, form, "Array image 1, json 2");
        let one = b"--x\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\nhi\r\n--x--";
        check("multipart/form-data;boundary=x", Text, one, "Single text hi");
    }

    #[test]
    fn other_content_types_are_refused() {
        let check = |content_type: &str, body: &'static [u8], expected: u16| {
            let found = given(content_type, body, Modality::Tabular).unwrap_err();
            assert_eq!(found, expected, "{content_type}");
        };
        check("application/x-www-form-urlencoded", b"{}", 415);
        check("application/xml", b"<a/>", 415);
        check("text/plain; charset=utf-16", b"a", 415);
        check("text/html", b"a", 415);
        check("multipart/form-data", b"--x--", 400);
        check("multipart/form-data; boundary=x", b"--x--", 400);
        check(
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Type: multipart/form-data; boundary=y\r\n\r\n\r\n--x--",
            415,
        );
        check("application/json", b"", 400);
        check("application/json", b"\xff", 400);
        check("text/plain", b"\xff", 400);
    }
}
