//! The HTTP surface of a predictor, without a transport.
//!
//! ```text
//! http::Request ─ route ─┬─► predict: instances ─► Predictor ─► predictions, provenance, timestamp
//!                        ├─► infer: tensors ─────► Predictor ─► tensors (Open Inference Protocol v2)
//!                        └─► documents: health, metadata, OpenAPI
//! ```
//!
//! An adapter reads a request whole, within its own limits, calls [`Api::answer`] and writes the
//! response in its own form: `host-cli serve` to a socket, `host-lambda` into an event's answer.
//! Everything between is here, so both answer alike. `docs/http.md` is the specification.
//!
//! This crate does no I/O and does not ask for the time of day; predictions run on the caller's thread.

mod acceptance;
mod coding;
mod cors;
mod description;
mod document;
mod inference;
mod instances;
mod json_body;
mod model;
mod multipart;
mod openapi;
mod page;
mod prediction;
mod problem;
mod response;
mod route;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use predictor_host::Predictor;

pub use cors::Cors;
pub use problem::{Kind, Problem, out_of_time};
pub use response::{Decided, Decisions, Note};

use document::Documents;
use model::{Model, Models};
use problem::Form;
use route::{Resource, Route};

/// What an API may take and whom it answers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Bytes of a body, after its content coding is undone.
    pub body_bytes: usize,
    /// Instances in one request.
    pub instances: usize,
    /// Pages of which origins may read the answers.
    pub cors: Cors,
}

impl Settings {
    /// 32 MiB, 10,000 instances, pages of no other origin.
    pub const DEFAULT: Self = Self { body_bytes: 32 << 20, instances: 10_000, cors: Cors::NONE };

    /// The same with another bound on bodies.
    #[must_use]
    pub fn with_body_bytes(self, body_bytes: usize) -> Self {
        Self { body_bytes, ..self }
    }

    /// The same with other origins.
    #[must_use]
    pub fn with_cors(self, cors: Cors) -> Self {
        Self { cors, ..self }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// When a request is answered, and how long that may take.
pub(crate) struct Time<'a> {
    pub(crate) now: SystemTime,
    pub(crate) left: Option<&'a (dyn Fn() -> Duration + Sync)>,
}

impl Time<'_> {
    /// Whether nothing is left.
    pub(crate) fn is_up(&self) -> bool {
        self.left.is_some_and(|left| left().is_zero())
    }
}

/// Models behind HTTP.
#[derive(Debug)]
pub struct Api {
    models: Models,
    settings: Settings,
    documents: Documents,
    draining: AtomicBool,
}

impl Api {
    /// An API over these models, each under its own name. A model without a name in the path is the
    /// one called `default`, or the only one.
    ///
    /// # Errors
    /// If there is none, two have the same name, or none is called `default`.
    pub fn new(
        models: Vec<Arc<Predictor>>,
        default: Option<&str>,
        settings: Settings,
    ) -> Result<Self, ModelsError> {
        let models = Models::new(models, default)?;
        Ok(Self {
            models,
            settings,
            documents: Documents::default(),
            draining: AtomicBool::new(false),
        })
    }

    /// The names of the models, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.models.iter().map(Model::name)
    }

    /// What it may take.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Says that no new requests are wanted: it is not ready from now on, but goes on answering.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether a request asks for no more than what is at hand, so that it needs no worker: health,
    /// metadata, whatever is no prediction.
    #[must_use]
    pub fn is_quick(&self, request: &http::request::Parts) -> bool {
        request.method != Method::POST
    }

    /// Whether a path names anything here.
    #[must_use]
    pub fn knows(&self, path: &str) -> bool {
        Route::of(path).is_ok()
    }

    /// Answers a request. `now` is the time that predictions are stamped with.
    #[must_use]
    pub fn answer(&self, request: &Request<Bytes>, now: SystemTime) -> Response<Bytes> {
        self.answered(request, &Time { now, left: None })
    }

    /// The same for as long as there is time; `left` says how much. Instances that are not reached
    /// have an error that says so; a request of which nothing is reached is answered with 504. What
    /// was begun is not stopped.
    #[must_use]
    pub fn answer_while(
        &self,
        request: &Request<Bytes>,
        now: SystemTime,
        left: &(dyn Fn() -> Duration + Sync),
    ) -> Response<Bytes> {
        self.answered(request, &Time { now, left: Some(left) })
    }

    fn answered(&self, request: &Request<Bytes>, time: &Time<'_>) -> Response<Bytes> {
        let response = self.route(request, time).unwrap_or_else(|problem| {
            problem.response(Form::of(request.uri().path()), request.uri().path())
        });
        self.finish(request.method(), request.headers(), response)
    }

    /// Whether a request is for tensors, whose number nothing limits but the body's size.
    #[must_use]
    pub fn is_for_tensors(&self, request: &Request<Bytes>) -> bool {
        Route::of(request.uri().path())
            .is_ok_and(|route| matches!(route.resource, Resource::Infer(..)))
    }

    /// The answer to a request that an adapter refuses: too large, too many, too slow.
    #[must_use]
    pub fn refuse(&self, request: &http::request::Parts, problem: &Problem) -> Response<Bytes> {
        let path = request.uri.path();
        let response = problem.response(Form::of(path), path);
        self.finish(&request.method, &request.headers, response)
    }

    fn route(&self, request: &Request<Bytes>, time: &Time<'_>) -> Result<Response<Bytes>, Problem> {
        let route = Route::of(request.uri().path())?;
        if *request.method() == Method::OPTIONS {
            return Ok(self.options(request, &route));
        }
        route.allows(request.method())?;
        if route.answers_json_only() {
            acceptance::json(request.headers())?;
        }
        match route.resource {
            Resource::Index => Ok(page::index(self, request.headers())),
            Resource::Live => Ok(response::json(r#"{"status":"live"}"#)),
            Resource::Ready => self.ready(r#"{"status":"ready"}"#),
            Resource::Metadata => Ok(self.documents.metadata(&self.models, request.headers())),
            Resource::Models => Ok(self.documents.models(&self.models, request.headers())),
            Resource::OpenApi => {
                Ok(self.documents.openapi(&self.models, &self.settings, request.headers()))
            }
            Resource::Model(name) => {
                let model = self.models.named(name)?;
                Ok(document::answer(model.document(), request.headers()))
            }
            Resource::Predict(name) => prediction::answer(self, name, request, time),
            Resource::InferenceServer => Ok(inference::server()),
            Resource::InferenceLive => Ok(response::json(r#"{"live":true}"#)),
            Resource::InferenceReady => self.ready(r#"{"ready":true}"#),
            Resource::InferenceModel(name, version) => {
                Ok(inference::model(self.models.version(name, version)?))
            }
            Resource::InferenceModelReady(name, version) => {
                let model = self.models.version(name, version)?;
                self.ready(inference::ready(model))
            }
            Resource::Infer(name, version) => {
                let model = self.models.version(name, version)?;
                inference::infer(model, request, &self.settings, time)
            }
        }
    }

    fn ready(&self, body: impl Into<Bytes>) -> Result<Response<Bytes>, Problem> {
        if self.draining.load(Ordering::Relaxed) {
            return Err(Problem::new(Kind::Unavailable, "the server is shutting down"));
        }
        Ok(response::json(body))
    }

    fn options(&self, request: &Request<Bytes>, route: &Route) -> Response<Bytes> {
        let mut response = response::empty(StatusCode::NO_CONTENT);
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(route.allowed()));
        self.settings.cors.preflight(request.headers(), route.allowed(), response.headers_mut());
        response
    }

    /// What every response has in common.
    fn finish(
        &self,
        method: &Method,
        headers: &http::HeaderMap,
        mut response: Response<Bytes>,
    ) -> Response<Bytes> {
        self.settings.cors.mark(headers, response.headers_mut());
        let nosniff = HeaderValue::from_static("nosniff");
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
        if method == Method::HEAD {
            let length = HeaderValue::from(response.body().len());
            response.headers_mut().insert(header::CONTENT_LENGTH, length);
            *response.body_mut() = Bytes::new();
        }
        response
    }
}

/// Why models make no API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelsError {
    /// There are none.
    #[error("there is no model to serve")]
    None,
    /// Two have one name.
    #[error("two models are called {name}; a path must name one")]
    Twice {
        /// The name.
        name: String,
    },
    /// The default is not among them.
    #[error("the default {name} is not one of the models {known}")]
    NoDefault {
        /// What it should be.
        name: String,
        /// What there is.
        known: String,
    },
}
