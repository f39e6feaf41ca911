//! What went wrong, as HTTP says it: problem details (RFC 9457), or the error object of the
//! inference protocol.
//!
//! Failures of hosts and components come from the one table of classes in `predictor_host`; what is
//! added here is what only HTTP has.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use predictor_host::{Class, HostError, Problem as Said};
use serde::Serialize;

use crate::response::{self, Note};

/// Why a request gets no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    kind: Kind,
    detail: String,
    code: Option<String>,
    field: Option<String>,
    /// What happened inside, for the log; where callers may not know it, `detail` says less.
    log: Option<String>,
}

/// The kinds of problem. Each has a stable name, of which `type` is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A failure of the table that all hosts share.
    Host(Class),
    /// The path names nothing.
    NotFound,
    /// The path names a model that is not here.
    ModelNotFound,
    /// The method is not one of the path's.
    MethodNotAllowed {
        /// Those that are, as in `Allow`.
        allowed: &'static str,
    },
    /// The client accepts no form that the answer has.
    NotAcceptable,
    /// The client took too long to send its request.
    RequestTimeout,
    /// The body's type or coding is none that is read.
    UnsupportedMediaType,
    /// The answer is larger than the transport carries.
    AnswerTooLarge,
    /// More requests than can be worked on.
    Overloaded {
        /// Seconds until it is worth another try.
        retry_after: u32,
    },
    /// The server is about to end.
    Unavailable,
}

impl Kind {
    /// Every kind.
    #[cfg(test)]
    fn all() -> Vec<Self> {
        let mut all: Vec<_> = Class::ALL.map(Self::Host).into();
        all.extend([
            Self::NotFound,
            Self::ModelNotFound,
            Self::MethodNotAllowed { allowed: "GET" },
            Self::NotAcceptable,
            Self::RequestTimeout,
            Self::UnsupportedMediaType,
            Self::AnswerTooLarge,
            Self::Overloaded { retry_after: 1 },
            Self::Unavailable,
        ]);
        all
    }

    /// The stable name in kebab case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Host(class) => class.name(),
            Self::NotFound => "not-found",
            Self::ModelNotFound => "model-not-found",
            Self::MethodNotAllowed { .. } => "method-not-allowed",
            Self::NotAcceptable => "not-acceptable",
            Self::RequestTimeout => "request-timeout",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::AnswerTooLarge => "answer-too-large",
            Self::Overloaded { .. } => "overloaded",
            Self::Unavailable => "unavailable",
        }
    }

    /// The status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Host(class) => StatusCode::from_u16(class.http_status())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            Self::NotFound | Self::ModelNotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::AnswerTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Overloaded { .. } | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What it means, the same for every occurrence.
    fn title(self) -> &'static str {
        match self {
            Self::Host(Class::InvalidInput) => "the input is wrong",
            Self::Host(Class::UnsupportedInput) => "the model takes another kind of input",
            Self::Host(Class::TooLarge) => "the input is larger than the limits allow",
            Self::Host(Class::InvalidModel) => "the model package is wrong",
            Self::Host(Class::UnsupportedModel) => "the model uses what is not there",
            Self::Host(Class::InferenceFailed) => "the model failed on a valid input",
            Self::Host(Class::SandboxFailed) => "the sandbox stopped",
            Self::Host(Class::DeadlineExceeded) => "the prediction took longer than it may",
            Self::Host(Class::Internal) => "the server is at fault",
            Self::NotFound => "there is no such path",
            Self::ModelNotFound => "there is no such model",
            Self::MethodNotAllowed { .. } => "the path has no such method",
            Self::NotAcceptable => "the answer has no form that is accepted",
            Self::RequestTimeout => "the request took too long to arrive",
            Self::UnsupportedMediaType => "the body is of a type that is not read",
            Self::AnswerTooLarge => "the answer is larger than can be sent",
            Self::Overloaded { .. } => "there are more requests than can be worked on",
            Self::Unavailable => "the server is shutting down",
        }
    }
}

/// How a problem is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `application/problem+json`.
    Details,
    /// `{"error": "…"}`.
    Inference,
}

impl Form {
    /// That of the path.
    pub(crate) fn of(path: &str) -> Self {
        let inference = path.trim_start_matches('/').split('/').next() == Some("v2");
        if inference { Self::Inference } else { Self::Details }
    }
}

#[derive(Serialize)]
struct Details<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

#[derive(Serialize)]
struct Error<'a> {
    error: &'a str,
}

impl Problem {
    /// A problem, and what happened: found, accepted, what to do.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), code: None, field: None, log: None }
    }

    /// A body that is wrong; `code` is stable.
    pub(crate) fn input(code: &str, detail: impl Into<String>) -> Self {
        let kind = Kind::Host(Class::InvalidInput);
        Self { code: Some(code.to_owned()), ..Self::new(kind, detail) }
    }

    /// A body with more in it than is read.
    #[must_use]
    pub fn too_large(detail: impl Into<String>) -> Self {
        let kind = Kind::Host(Class::TooLarge);
        Self { code: Some("too-large".into()), ..Self::new(kind, detail) }
    }

    /// A request of which nothing was reached in time.
    #[must_use]
    pub fn out_of_time() -> Self {
        Self::from(&out_of_time())
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn response(&self, form: Form, path: &str) -> Response<Bytes> {
        let (content_type, body) = match form {
            Form::Details => {
                let details = Details {
                    r#type: format!("urn:samebits:problem:{}", self.kind.name()),
                    title: self.kind.title(),
                    status: self.kind.status().as_u16(),
                    detail: &self.detail,
                    instance: path,
                    code: self.code.as_deref(),
                    field: self.field.as_deref(),
                };
                ("application/problem+json", serde_json::to_vec(&details))
            }
            Form::Inference => {
                ("application/json", serde_json::to_vec(&Error { error: &self.detail }))
            }
        };
        // Texts and numbers can't fail to be written.
        let mut response = response::of(content_type, body.unwrap_or_default());
        *response.status_mut() = self.kind.status();
        let headers = response.headers_mut();
        match self.kind {
            Kind::MethodNotAllowed { allowed } => {
                headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
            }
            Kind::Overloaded { retry_after } => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
            }
            Kind::UnsupportedMediaType => {
                let codings = HeaderValue::from_static("gzip, deflate");
                headers.insert(header::ACCEPT_ENCODING, codings);
            }
            _ => {}
        }
        let log = self.log.as_ref().unwrap_or(&self.detail);
        response.extensions_mut().insert(Note(log.clone()));
        response
    }
}

/// What an instance gets that was not reached in time.
#[must_use]
pub fn out_of_time() -> HostError {
    let message = "not reached in the function's time; send fewer instances in one request, or \
                   give the function more time or memory";
    let (message, code) = (message.into(), "out-of-time".into());
    let problem = Said { message, code, file: None, field: None };
    HostError::Answer { class: Class::DeadlineExceeded, problem }
}

impl From<HostError> for Problem {
    fn from(error: HostError) -> Self {
        Self::from(&error)
    }
}

impl From<&HostError> for Problem {
    fn from(error: &HostError) -> Self {
        let class = error.class();
        let message = error.to_string();
        let (detail, log) = match class {
            // It may name files of the machine.
            Class::Internal => ("see the server's log".to_owned(), Some(message)),
            _ => (message, None),
        };
        Self {
            kind: Kind::Host(class),
            detail,
            code: Some(error.code().to_owned()),
            field: error.field().map(str::to_owned),
            log,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_statuses_are_those_of_the_documentation() {
        let rows: Vec<_> =
            Kind::all().iter().map(|kind| (kind.name(), kind.status().as_u16())).collect();
        let expected = [
            ("invalid-input", 400),
            ("unsupported-input", 415),
            ("too-large", 413),
            ("invalid-model", 500),
            ("unsupported-model", 500),
            ("inference-failed", 500),
            ("sandbox-failed", 500),
            ("deadline-exceeded", 504),
            ("internal", 500),
            ("not-found", 404),
            ("model-not-found", 404),
            ("method-not-allowed", 405),
            ("not-acceptable", 406),
            ("request-timeout", 408),
            ("unsupported-media-type", 415),
            ("answer-too-large", 413),
            ("overloaded", 503),
            ("unavailable", 503),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn paths_decide_how_a_problem_is_written() {
        let check = |path: &str, expected: Form| assert_eq!(Form::of(path), expected, "{path}");
        check("/v2/models/x", Form::Inference);
        check("/v2", Form::Inference);
        check("/v22", Form::Details);
        check("/predict", Form::Details);
    }
}
