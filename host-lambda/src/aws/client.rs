//! The client: made once, in init, where a setting or an event source needs it.

use std::time::Duration;

use aws_call::{Signer, reasons};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;

use super::{AwsError, JsonService};
use crate::clock::Deadline;

/// The largest answer that is read whole: failures of a batch, errors.
const ANSWER_BYTES: usize = 4 << 20;
/// How often a call is tried.
const ATTEMPTS: u32 = 3;
/// The pause before the second attempt; it doubles.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest that one attempt waits for an answer.
const LONGEST: Duration = Duration::from_secs(10);
/// Idle connections die while a function is frozen, so they are not kept for long.
const IDLE: Duration = Duration::from_secs(20);

/// What Lambda's environment says of AWS.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    pub(crate) region: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: Option<String>,
    /// Where all services are, if not at AWS (`AWS_ENDPOINT_URL`).
    pub(crate) endpoint: Option<String>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("region", &self.region).finish_non_exhaustive()
    }
}

/// How much time a call has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// As much as there is for work.
    Work(Deadline),
    /// That, and half of what is kept for the answer.
    Answer(Deadline),
}

impl Patience {
    /// What is left now.
    pub(super) fn left(self) -> Duration {
        match self {
            Self::Work(deadline) => deadline.left(),
            Self::Answer(deadline) => deadline.left_to_deliver(),
        }
    }
}

/// A client of all services.
#[derive(Debug)]
pub(crate) struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    signer: Signer,
    endpoint: Option<String>,
}

/// A request before it is signed.
pub(super) struct Call<'a> {
    pub(super) service: &'static str,
    pub(super) action: String,
    pub(super) method: Method,
    /// Path and query, encoded.
    pub(super) path: &'a str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
}

impl Client {
    /// # Errors
    /// If the system has no certificates.
    pub(crate) fn new(settings: &Settings) -> Result<Self, String> {
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| format!("no certificates of authorities: {error}"))?
            // For an endpoint of one's own.
            .https_or_http()
            .enable_http1()
            .build();
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        let signer = Signer::new(
            &settings.access_key_id,
            &settings.secret_access_key,
            settings.session_token.clone(),
            &settings.region,
        );
        let endpoint =
            settings.endpoint.as_ref().map(|endpoint| endpoint.trim_end_matches('/').to_owned());
        Ok(Self { http, signer, endpoint })
    }

    /// A JSON call, as in `AmazonSQS.SendMessageBatch`.
    pub(crate) async fn json(
        &self,
        service: JsonService,
        action: &str,
        body: &Value,
        patience: Patience,
    ) -> Result<Value, AwsError> {
        let call = || Call {
            service: service.name,
            action: action.to_owned(),
            method: Method::POST,
            path: "/",
            headers: service.headers(action).into(),
            body: body.to_string().into(),
        };
        let answer = self.answered(call, patience).await?.1;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer).map_err(|error| AwsError::Unreachable {
            service: service.name,
            action: action.to_owned(),
            reason: format!("the answer is not JSON: {error}"),
        })
    }

    /// Sends a call until it is answered well, or can't be; reads the answer.
    pub(super) async fn answered<'a>(
        &self,
        call: impl Fn() -> Call<'a>,
        patience: Patience,
    ) -> Result<(http::response::Parts, Bytes), AwsError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let error = match self.once(call(), patience).await {
                Ok((named, response)) => match read(response, named, patience).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            let pause = PAUSE * 2_u32.pow(attempt - 1);
            if attempt >= ATTEMPTS || !error.passes() || patience.left() < pause * 2 {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Sends a call and reads the head of its answer; the body where it was refused.
    pub(super) async fn once(
        &self,
        call: Call<'_>,
        patience: Patience,
    ) -> Result<(Named, Response<Incoming>), AwsError> {
        let named = Named { service: call.service, action: call.action.clone() };
        let left = patience.left().min(LONGEST);
        if left.is_zero() {
            return Err(named.out_of_time());
        }
        let request = self.signed(call).map_err(|reason| named.unreachable(reason))?;
        let sent = tokio::time::timeout(left, self.http.request(request)).await;
        let Ok(sent) = sent else { return Err(named.out_of_time()) };
        let response = sent.map_err(|error| named.unreachable(reasons(&error)))?;
        if response.status().is_success() {
            return Ok((named, response));
        }
        let status = response.status().as_u16();
        let (_, body) = read(response, named.clone(), patience).await?;
        let message = String::from_utf8_lossy(&body).chars().take(300).collect();
        let Named { service, action } = named;
        Err(AwsError::Refused { service, action, status, message })
    }

    fn signed(&self, call: Call<'_>) -> Result<Request<Full<Bytes>>, String> {
        let Call { service, method, path, headers, body, .. } = call;
        let host = match &self.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => format!("https://{service}.{}.amazonaws.com", self.signer.region()),
        };
        let uri = format!("{host}{path}");
        let request = self.signer.sign(service, &method, &uri, &headers, body)?;
        Ok(request.map(Full::new))
    }
}

/// What a call is named in errors.
#[derive(Clone, Debug)]
pub(super) struct Named {
    service: &'static str,
    action: String,
}

impl Named {
    pub(super) fn out_of_time(&self) -> AwsError {
        AwsError::OutOfTime { service: self.service, action: self.action.clone() }
    }

    pub(super) fn unreachable(&self, reason: String) -> AwsError {
        AwsError::Unreachable { service: self.service, action: self.action.clone(), reason }
    }
}

/// Reads an answer whole.
async fn read(
    response: Response<Incoming>,
    named: Named,
    patience: Patience,
) -> Result<(http::response::Parts, Bytes), AwsError> {
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_BYTES).collect();
    match tokio::time::timeout(patience.left().min(LONGEST), body).await {
        Ok(Ok(body)) => Ok((parts, body.to_bytes())),
        Ok(Err(error)) => Err(named.unreachable(reasons(error.as_ref()))),
        Err(_) => Err(named.out_of_time()),
    }
}
