//! The client: sends signed requests, tries again where that can help, and reads answers.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;

use crate::{AwsError, Found, JsonService, Signer, reasons};

/// The largest answer that is read whole: failures of a batch, listings, errors.
const ANSWER_BYTES: usize = 4 << 20;
/// How often a call is tried.
const ATTEMPTS: u32 = 3;
/// The pause before the second attempt; it doubles.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest that one attempt waits for an answer, or for the next bytes of one.
pub(crate) const LONGEST: Duration = Duration::from_secs(10);
/// The slowest that a body is sent before an attempt is given up, in bytes a second.
const SLOWEST: u64 = 128 << 10;
/// Idle connections die while a function is frozen, so they are not kept for long.
const IDLE: Duration = Duration::from_secs(20);

/// What an environment says of AWS.
#[derive(Clone, Default)]
pub struct Settings {
    /// Such as `eu-central-1`.
    pub region: String,
    /// Of the access key.
    pub access_key_id: String,
    /// Of the access key.
    pub secret_access_key: String,
    /// Of a role's temporary key.
    pub session_token: Option<String>,
    /// Where all services are, if not at AWS (`AWS_ENDPOINT_URL`).
    pub endpoint: Option<String>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("region", &self.region).finish_non_exhaustive()
    }
}

/// How much time a call has.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    until: Instant,
}

impl Patience {
    /// Until a moment.
    #[must_use]
    pub fn until(until: Instant) -> Self {
        Self { until }
    }

    /// From now on for so long.
    #[must_use]
    pub fn lasting(time: Duration) -> Self {
        // Nobody waits for longer than this.
        const MOST: Duration = Duration::from_secs(7 * 86_400);
        Self { until: Instant::now() + time.min(MOST) }
    }

    /// What is left now.
    #[must_use]
    pub fn left(self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

/// A client of all services.
#[derive(Debug)]
pub struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    signer: Signer,
    endpoint: Option<String>,
}

/// A request before it is signed.
pub(crate) struct Call<'a> {
    pub(crate) service: &'static str,
    pub(crate) action: String,
    pub(crate) method: Method,
    /// Path and query, encoded.
    pub(crate) path: &'a str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl Client {
    /// A client with these keys.
    ///
    /// # Errors
    /// If the system has no certificates.
    pub fn new(settings: &Settings) -> Result<Self, String> {
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
    ///
    /// # Errors
    /// If the service refuses it or can't be reached, or time is up.
    pub async fn json(
        &self,
        service: JsonService,
        action: &str,
        body: &Value,
        patience: Patience,
    ) -> Result<Value, AwsError> {
        let answer = self.json_bytes(service, action, body, patience).await?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer).map_err(|error| AwsError::Unreachable {
            service: service.name,
            action: action.to_owned(),
            reason: format!("the answer is not JSON: {error}"),
        })
    }

    /// The same, with the bytes of the answer.
    pub(crate) async fn json_bytes(
        &self,
        service: JsonService,
        action: &str,
        body: &Value,
        patience: Patience,
    ) -> Result<Bytes, AwsError> {
        let call = || Call {
            service: service.name,
            action: action.to_owned(),
            method: Method::POST,
            path: "/",
            headers: service.headers(action).into(),
            body: body.to_string().into(),
        };
        Ok(self.answered(call, patience).await?.1)
    }

    /// Puts an event on a bus of EventBridge, by its name or ARN.
    ///
    /// # Errors
    /// If the bus does not take it.
    pub async fn put_event(
        &self,
        bus: &str,
        source: &str,
        detail_type: &str,
        detail: &Value,
        patience: Patience,
    ) -> Result<(), AwsError> {
        let entry = serde_json::json!({
            "EventBusName": bus,
            "Source": source,
            "DetailType": detail_type,
            "Detail": detail.to_string(),
        });
        let call = serde_json::json!({"Entries": [entry]});
        let answer = self.json(crate::EVENTS, "PutEvents", &call, patience).await?;
        // The bus may refuse an entry of a call that it takes.
        let (service, action) = (crate::EVENTS.name, "PutEvents".to_owned());
        match answer.get("FailedEntryCount").and_then(Value::as_u64) {
            Some(0) => Ok(()),
            Some(_) => {
                let message = answer.get("Entries").map(Value::to_string).unwrap_or_default();
                Err(AwsError::Refused { service, action, status: 200, message })
            }
            None => {
                let reason = "the answer does not say what became of the event".into();
                Err(AwsError::Unreachable { service, action, reason })
            }
        }
    }

    /// Posts JSON to an address of the web, once and unsigned; the answer's body comes back.
    ///
    /// # Errors
    /// If it is refused, nothing answers, or time is up.
    pub async fn post_url(
        &self,
        url: &str,
        headers: &[(String, String)],
        body: Bytes,
        patience: Patience,
    ) -> Result<Bytes, AwsError> {
        let named = Named { service: "the web", action: format!("POST {url:?}") };
        let mut request = Request::post(url).header(http::header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body));
        let request = request.map_err(|error| named.unreachable(error.to_string()))?;
        let response = self.send(&named, request, patience.left().min(LONGEST)).await?;
        let response = accepted(response, &named, patience).await?;
        Ok(read(response, named, patience).await?.1)
    }

    /// Begins to read what is behind an address of the web, which nobody signs for. Five redirections
    /// are followed, to `https` only.
    ///
    /// # Errors
    /// If it can't be read.
    pub async fn get_url(&self, url: &str, patience: Patience) -> Result<Found, AwsError> {
        const REDIRECTIONS: usize = 5;
        let named = Named { service: "the web", action: format!("GET {url:?}") };
        let unreachable = |reason: String| named.unreachable(reason);
        let mut url = url.to_owned();
        for _ in 0..=REDIRECTIONS {
            let request = Request::get(&url).body(Full::default());
            let request = request.map_err(|error| unreachable(error.to_string()))?;
            let response = self.send(&named, request, patience.left().min(LONGEST)).await?;
            let status = response.status();
            if status.is_success() {
                return Ok(Found::of(named, response));
            }
            let to = response.headers().get(http::header::LOCATION);
            let to = to.and_then(|to| to.to_str().ok()).filter(|to| to.starts_with("https://"));
            match to {
                Some(to) if status.is_redirection() => url = to.to_owned(),
                _ => {
                    let (service, action) = (named.service, named.action);
                    let (status, message) = (status.as_u16(), String::new());
                    return Err(AwsError::Refused { service, action, status, message });
                }
            }
        }
        Err(unreachable("it is redirected too often".into()))
    }

    /// Sends a call until it is answered well, or can't be; reads the answer.
    pub(crate) async fn answered<'a>(
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
            pause(attempt, error, patience).await?;
        }
    }

    /// Sends a call and reads the head of its answer; the body where it was refused.
    pub(crate) async fn once(
        &self,
        call: Call<'_>,
        patience: Patience,
    ) -> Result<(Named, Response<Incoming>), AwsError> {
        let named = Named { service: call.service, action: call.action.clone() };
        let sending = Duration::from_secs(call.body.len() as u64 / SLOWEST);
        let left = patience.left().min(LONGEST + sending);
        if left.is_zero() {
            return Err(named.out_of_time());
        }
        let request = self.signed(call).map_err(|reason| named.unreachable(reason))?;
        let response = self.send(&named, request, left).await?;
        let response = accepted(response, &named, patience).await?;
        Ok((named, response))
    }

    /// Sends a request and reads the head of its answer, whatever that says.
    async fn send(
        &self,
        named: &Named,
        request: Request<Full<Bytes>>,
        within: Duration,
    ) -> Result<Response<Incoming>, AwsError> {
        let sent = tokio::time::timeout(within, self.http.request(request)).await;
        let Ok(sent) = sent else { return Err(named.out_of_time()) };
        sent.map_err(|error| named.unreachable(reasons(&error)))
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

/// Waits before a call is tried again after this attempt, counted from 1; or says that it is not.
pub(crate) async fn pause(
    attempt: u32,
    error: AwsError,
    patience: Patience,
) -> Result<(), AwsError> {
    let pause = PAUSE * 2_u32.pow(attempt.saturating_sub(1).min(8));
    if attempt >= ATTEMPTS || !error.passes() || patience.left() < pause * 2 {
        return Err(error);
    }
    tokio::time::sleep(pause).await;
    Ok(())
}

/// What a call is named in errors.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    service: &'static str,
    action: String,
}

impl Named {
    pub(crate) fn out_of_time(&self) -> AwsError {
        AwsError::OutOfTime { service: self.service, action: self.action.clone() }
    }

    pub(crate) fn too_large(&self, limit: usize) -> AwsError {
        AwsError::TooLarge { service: self.service, action: self.action.clone(), limit }
    }

    pub(crate) fn unreachable(&self, reason: String) -> AwsError {
        AwsError::Unreachable { service: self.service, action: self.action.clone(), reason }
    }
}

/// An answer that is none of success becomes an error, with the beginning of its body.
async fn accepted(
    response: Response<Incoming>,
    named: &Named,
    patience: Patience,
) -> Result<Response<Incoming>, AwsError> {
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status().as_u16();
    let (_, body) = read(response, named.clone(), patience).await?;
    let message = String::from_utf8_lossy(&body).chars().take(300).collect();
    let Named { service, action } = named.clone();
    Err(AwsError::Refused { service, action, status, message })
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
