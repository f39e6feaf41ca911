//! An inference request: JSON, and behind it the tensors that travel in binary.

use predictor_host::Tensor;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{datatype, elements};
use crate::problem::Problem;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Request {
    /// The caller's name for the request.
    pub(super) id: Option<String>,
    pub(super) tensors: Vec<Tensor>,
    /// The outputs that are wanted and whether in binary; `None` for all.
    pub(super) outputs: Option<Vec<(String, bool)>>,
    /// Whether outputs travel in binary where nothing else is said of them.
    pub(super) binary: bool,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    parameters: Parameters,
    #[serde(borrow)]
    inputs: Vec<Input<'a>>,
    #[serde(default)]
    outputs: Option<Vec<Output>>,
}

#[derive(Deserialize)]
struct Input<'a> {
    name: String,
    shape: Vec<u64>,
    datatype: String,
    #[serde(default)]
    parameters: Parameters,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Output {
    name: String,
    #[serde(default)]
    parameters: Parameters,
}

/// Those that mean something here, and those whose meaning would be lost in silence. Others are
/// hints (`priority`, `timeout`), which a server may pass over.
#[derive(Default, Deserialize)]
struct Parameters {
    binary_data_size: Option<u64>,
    binary_data: Option<bool>,
    binary_data_output: Option<bool>,
    classification: Option<IgnoredAny>,
    shared_memory_region: Option<IgnoredAny>,
    sequence_id: Option<IgnoredAny>,
}

impl Parameters {
    fn known(&self) -> Result<(), Problem> {
        let refused = [
            ("classification", &self.classification),
            ("shared_memory_region", &self.shared_memory_region),
            ("sequence_id", &self.sequence_id),
        ];
        match refused.iter().find(|(_, value)| value.is_some()) {
            Some((name, _)) => Err(wrong(format!("the parameter {name} is not supported"))),
            None => Ok(()),
        }
    }
}

fn wrong(message: impl Into<String>) -> Problem {
    Problem::input("invalid-request", message)
}

/// Reads a body; `header_length` is the header of that name.
///
/// # Errors
/// 400, with the input at fault.
pub(super) fn read(body: &[u8], header_length: Option<&[u8]>) -> Result<Request, Problem> {
    let (json, mut binary) = match header_length {
        None => (body, [].as_slice()),
        Some(text) => body.split_at_checked(length(text)?).ok_or_else(|| {
            let found = body.len();
            wrong(format!("Inference-Header-Content-Length is more than the body's {found} bytes"))
        })?,
    };
    let body: Body = serde_json::from_slice(json).map_err(|error| {
        let hint = if header_length.is_none() && error.to_string().contains("trailing") {
            "; where tensors follow the JSON, Inference-Header-Content-Length says where it ends"
        } else {
            ""
        };
        wrong(format!("not an inference request: {}{error}{hint}", place(json)))
    })?;
    body.parameters.known()?;
    let mut tensors = Vec::with_capacity(body.inputs.len());
    for input in &body.inputs {
        let in_input =
            |message: String| wrong(format!("input {:?}: {message}", shown(&input.name)));
        input.parameters.known()?;
        let element_type = datatype::parse(&input.datatype).ok_or_else(|| {
            in_input(format!("there is no datatype {:?}", shown(&input.datatype)))
        })?;
        let data = match (input.parameters.binary_data_size, input.data) {
            (Some(size), None) => {
                let size = usize::try_from(size).ok();
                let taken = size.and_then(|size| binary.split_at_checked(size));
                let (data, rest) = taken.ok_or_else(|| {
                    in_input("binary_data_size is more than the body has left".into())
                })?;
                binary = rest;
                data.to_vec()
            }
            (None, Some(data)) => {
                let data = elements::read(element_type, data).map_err(in_input)?;
                let found = elements::count(element_type, &data);
                let expected = input
                    .shape
                    .iter()
                    .try_fold(1_u64, |product, extent| product.checked_mul(*extent));
                if expected != u64::try_from(found).ok() {
                    let shape = &input.shape;
                    let shape = shape.get(..8.min(shape.len())).unwrap_or_default();
                    return Err(in_input(format!("data has {found} elements, shape is {shape:?}")));
                }
                data
            }
            (Some(_), Some(_)) => {
                return Err(in_input("it has data and binary_data_size; one is meant".into()));
            }
            (None, None) => {
                return Err(in_input("it has no data and no binary_data_size".into()));
            }
        };
        let (name, shape) = (input.name.clone(), input.shape.clone());
        tensors.push(Tensor { name, element_type, shape, data });
    }
    if !binary.is_empty() {
        let left = binary.len();
        return Err(wrong(format!("{left} bytes follow that no input claims")));
    }
    let binary = body.parameters.binary_data_output.unwrap_or(false);
    let outputs = body.outputs.map(|outputs| wanted(outputs, binary)).transpose()?;
    Ok(Request { id: body.id, tensors, outputs, binary })
}

/// Where in a request that can't be read its error is.
fn place(json: &[u8]) -> String {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let read: Result<Body, _> = serde_path_to_error::deserialize(&mut reader);
    let path = read.err().map(|error| error.path().to_string()).filter(|path| path != ".");
    path.map_or_else(String::new, |path| format!("{}: ", shown(&path)))
}

fn wanted(outputs: Vec<Output>, binary: bool) -> Result<Vec<(String, bool)>, Problem> {
    outputs
        .into_iter()
        .map(|output| {
            output.parameters.known()?;
            let binary = output.parameters.binary_data.unwrap_or(binary);
            Ok((output.name, binary))
        })
        .collect()
}

fn length(text: &[u8]) -> Result<usize, Problem> {
    // `parse` would take a sign.
    let digits = text.iter().all(u8::is_ascii_digit).then_some(text);
    let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| {
        let found = String::from_utf8_lossy(text.get(..40).unwrap_or(text)).into_owned();
        wrong(format!("Inference-Header-Content-Length is {found:?}; expected a number of bytes"))
    })
}

/// As much of a name as belongs in a message.
fn shown(name: &str) -> String {
    name.chars().take(100).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INPUT: &str = r#"{"name":"x","shape":[2],"datatype":"UINT8","data":[1,2]}"#;
    const BINARY: &str =
        r#"{"name":"y","shape":[3],"datatype":"UINT8","parameters":{"binary_data_size":3}}"#;

    fn of(inputs: &[&str], more: &str) -> String {
        format!(r#"{{"inputs":[{}]{more}}}"#, inputs.join(","))
    }

    #[test]
    fn tensors_come_from_json_and_from_behind_it() {
        let json = of(&[BINARY, INPUT, BINARY], r#","id":"7""#);
        let body = [json.as_bytes(), b"abcdef"].concat();
        let request = read(&body, Some(json.len().to_string().as_bytes())).unwrap();
        let data: Vec<_> = request.tensors.iter().map(|tensor| tensor.data.as_slice()).collect();
        assert_eq!(data, [b"abc".as_slice(), &[1, 2], b"def"]);
        assert_eq!(request.id.as_deref(), Some("7"));
        assert!(!request.binary && request.outputs.is_none());
    }

    #[test]
    fn outputs_are_chosen() {
        let check = |more: &str, expected: Option<&[(&str, bool)]>| {
            let request = read(of(&[INPUT], more).as_bytes(), None).unwrap();
            let expected = expected.map(|list| {
                list.iter().map(|(name, binary)| ((*name).to_owned(), *binary)).collect()
            });
            assert_eq!(request.outputs, expected, "{more}");
        };
        check("", None);
        check(r#","outputs":[]"#, Some(&[]));
        check(r#","outputs":[{"name":"a"}]"#, Some(&[("a", false)]));
        check(
            r#","outputs":[{"name":"a","parameters":{"binary_data":true}}]"#,
            Some(&[("a", true)]),
        );
        check(
            r#","parameters":{"binary_data_output":true,"priority":1},"outputs":[{"name":"a"}]"#,
            Some(&[("a", true)]),
        );
    }

    #[test]
    fn wrong_requests_are_refused() {
        let check = |body: &str, length: Option<&str>, expected: &str| {
            let problem = read(body.as_bytes(), length.map(str::as_bytes)).unwrap_err();
            assert_eq!(problem.kind().status(), 400);
            let text = format!("{problem:?}");
            assert!(text.contains(expected), "{text}");
        };
        let json = of(&[INPUT], "");
        check("", None, "not an inference request");
        check("{}", None, "not an inference request: missing field `inputs`");
        check(
            r#"{"inputs":{"x":[1]}}"#,
            None,
            "request: inputs: invalid type: map, expected a sequence",
        );
        let flat = INPUT.replace("[2]", "2");
        check(&of(&[&flat], ""), None, "request: inputs[0].shape: invalid type: integer");
        check(&json, Some("1000"), "more than the body's");
        check(&json, Some("18446744073709551616"), "expected a number of bytes");
        check(&json, Some("-1"), "expected a number of bytes");
        check(&json, Some("+1"), "expected a number of bytes");
        check(&json, Some(""), "expected a number of bytes");
        check(&format!("{json}abc"), None, "says where it ends");
        check(&format!("{json}abc"), Some(&json.len().to_string()), "3 bytes follow");
        check(&of(&[BINARY], ""), None, "more than the body has left");
        let huge = BINARY.replace(":3}", ":18446744073709551615}");
        check(&of(&[&huge], ""), None, "more than the body has left");
        check(&of(&[&INPUT.replace("[2]", "[3]")], ""), None, "data has 2 elements");
        check(
            &of(&[&INPUT.replace("[2]", "[4294967296,4294967296]")], ""),
            None,
            "data has 2 elements",
        );
        check(&of(&[&INPUT.replace("UINT8", "uint8")], ""), None, "there is no datatype");
        check(&of(&[&INPUT.replace("UINT8", "FP16")], ""), None, "travels in binary only");
        check(&of(&[&INPUT.replace(r#","data":[1,2]"#, "")], ""), None, "it has no data");
        check(&of(&[&BINARY.replace("}}", r#"},"data":[1]}"#)], ""), None, "one is meant");
        for name in ["classification", "shared_memory_region", "sequence_id"] {
            let parameters = format!(r#","parameters":{{"{name}":3}}"#);
            check(&of(&[INPUT], &parameters), None, "is not supported");
        }
    }

    proptest! {
        /// Whatever a header claims, what comes out was in the body.
        #[test]
        fn hostile_lengths_take_nothing(
            length in prop_oneof![any::<u64>().prop_map(|n| n.to_string()), ".{0,20}"],
            size in any::<u64>(),
            tail in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let json = of(&[&BINARY.replace(":3}", &format!(":{size}}}"))], "");
            let body = [json.as_bytes(), &tail].concat();
            if let Ok(request) = read(&body, Some(length.as_bytes())) {
                prop_assert_eq!(&request.tensors[0].data, &tail);
            }
            let right = json.len().to_string();
            let found = read(&body, Some(right.as_bytes()));
            prop_assert_eq!(found.is_ok(), size == tail.len() as u64);
        }
    }
}
