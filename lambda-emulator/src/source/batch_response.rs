//! What a function's answer says about the records of its batch (`ReportBatchItemFailures`).
//!
//! Source: "Handling errors for an SQS event source in Lambda" and "Configuring partial batch
//! response with Kinesis Data Streams and Lambda", under success and failure conditions.

use serde_json::Value;

/// Which records failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Success,
    /// These identifiers, at least one, all of the batch.
    Some(Vec<String>),
    /// The whole batch, and why.
    All(String),
}

/// Whether the event source mapping looks at the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reporting {
    /// `FunctionResponseTypes` has `ReportBatchItemFailures`.
    Items,
    /// Any answer is success.
    None,
}

pub(crate) fn verdict(answer: &[u8], known: &[&str], reporting: Reporting) -> Verdict {
    if reporting == Reporting::None || answer.is_empty() {
        return Verdict::Success;
    }
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else {
        return Verdict::All("the answer is no JSON".to_owned());
    };
    // A misspelt key counts as an empty answer: success, and records are lost.
    let items = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return Verdict::Success,
        Some(Value::Array(items)) => items,
        Some(_) => return Verdict::All("batchItemFailures is no list".to_owned()),
    };
    let mut failed = Vec::new();
    for item in items {
        match item.get("itemIdentifier").and_then(Value::as_str) {
            None => return Verdict::All(format!("no itemIdentifier in {item}")),
            Some("") => return Verdict::All("an itemIdentifier is empty".to_owned()),
            Some(id) if !known.contains(&id) => {
                return Verdict::All(format!("itemIdentifier {id:?} is not in the batch"));
            }
            Some(id) => failed.push(id.to_owned()),
        }
    }
    if failed.is_empty() { Verdict::Success } else { Verdict::Some(failed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &str, expected: &str) {
        let found = match verdict(answer.as_bytes(), &["1", "2"], Reporting::Items) {
            Verdict::Success => "success".to_owned(),
            Verdict::Some(failed) => failed.join(" "),
            Verdict::All(reason) => reason,
        };
        assert_eq!(found, expected, "{answer}");
    }

    #[test]
    fn the_rules_are_awss() {
        check("", "success");
        check("null", "success");
        check("{}", "success");
        check(r#"{"batchItemFailures": []}"#, "success");
        check(r#"{"batchItemFailures": null}"#, "success");
        check(r#"{"batchItemFailure": [{"itemIdentifier": "1"}]}"#, "success");
        check(r#""done""#, "success");
        check(r#"{"batchItemFailures": [{"itemIdentifier": "2"}]}"#, "2");
        check(r#"{"batchItemFailures": [{"itemIdentifier": ""}]}"#, "an itemIdentifier is empty");
        check(
            r#"{"batchItemFailures": [{"itemIdentifier": null}]}"#,
            r#"no itemIdentifier in {"itemIdentifier":null}"#,
        );
        check(r#"{"batchItemFailures": [{"id": "1"}]}"#, r#"no itemIdentifier in {"id":"1"}"#);
        check(
            r#"{"batchItemFailures": [{"itemIdentifier": "1"}, {"itemIdentifier": "9"}]}"#,
            r#"itemIdentifier "9" is not in the batch"#,
        );
        check(r#"{"batchItemFailures": {}}"#, "batchItemFailures is no list");
        check("done", "the answer is no JSON");
    }

    #[test]
    fn without_reporting_any_answer_is_success() {
        let answer = br#"{"batchItemFailures": [{"itemIdentifier": "1"}]}"#;
        assert_eq!(verdict(answer, &["1"], Reporting::None), Verdict::Success);
    }
}
