//! One request: read within bounds, answered by the API on a thread for work, logged.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use predictor_api::{Api, Kind, Note, Problem};
use predictor_host::Class;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::files::Files;

/// How long a client may take to send a body.
const BODY: Duration = Duration::from_secs(60);
/// How long the rest of a body that is too large is listened to, so that the client, which sends
/// before it reads, gets to see the answer.
const REST: Duration = Duration::from_secs(5);
/// When it is worth coming again, in seconds.
const RETRY_AFTER: u32 = 1;

/// What every connection shares.
pub(super) struct Service {
    api: Arc<Api>,
    files: Option<Files>,
    /// Requests that are read, wait or are worked on.
    admitted: Arc<Semaphore>,
    /// Those that are worked on.
    workers: Arc<Semaphore>,
    quiet: bool,
}

impl Service {
    pub(super) fn new(
        api: Api,
        files: Option<Files>,
        admitted: usize,
        workers: usize,
        quiet: bool,
    ) -> Self {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        let (admitted, workers) = (semaphore(admitted), semaphore(workers));
        Self { api: Arc::new(api), files, admitted, workers, quiet }
    }

    /// The models' names.
    pub(super) fn names(&self) -> String {
        self.api.names().collect::<Vec<_>>().join(", ")
    }

    /// From now on it is not ready.
    pub(super) fn drain(&self) {
        self.api.drain();
    }

    /// A line on standard error.
    pub(super) fn say(&self, line: &str) {
        if !self.quiet {
            anstream::eprintln!("{line}");
        }
    }

    /// Answers a request.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let began = Instant::now();
        let (parts, body) = request.into_parts();
        let response = self.respond(&parts, body).await;
        self.log(&parts, &response, began.elapsed());
        response.map(Full::new)
    }

    fn log(&self, request: &Parts, response: &Response<Bytes>, took: Duration) {
        // A note ends the line of a request that failed. It may hold what the client wrote.
        let note = response.extensions().get::<Note>();
        let note = note.map(|Note(text)| format!(": {text}")).unwrap_or_default();
        let note = note.replace(char::is_control, "\u{fffd}");
        self.say(&format!(
            "{} {} {} {:.1} ms{note}",
            request.method,
            request.uri.path().escape_debug(),
            response.status().as_u16(),
            took.as_secs_f64() * 1e3,
        ));
    }

    async fn respond(&self, parts: &Parts, body: Incoming) -> Response<Bytes> {
        if let Some(response) = self.file(parts).await {
            return response;
        }
        if self.api.is_quick(parts) {
            return self.api.answer(&request(parts, Bytes::new()), SystemTime::now());
        }
        let Ok(_admitted) = self.admitted.try_acquire() else {
            let problem = Problem::new(
                Kind::Overloaded { retry_after: RETRY_AFTER },
                "as many requests as are allowed are worked on; try again in a second",
            );
            return self.api.refuse(parts, &problem);
        };
        let body = match self.read(body).await {
            Ok(body) => body,
            Err(problem) => return self.api.refuse(parts, &problem),
        };
        let worker = Arc::clone(&self.workers).acquire_owned().await;
        let (api, asked) = (Arc::clone(&self.api), request(parts, body));
        let work = tokio::task::spawn_blocking(move || {
            let response = api.answer(&asked, SystemTime::now());
            drop(worker);
            response
        });
        work.await.unwrap_or_else(|error| {
            // A panic: its message is on standard error already.
            let problem = Problem::new(Kind::Host(Class::Internal), "see the server's log");
            self.say(&format!("a request's work ended early: {error}"));
            self.api.refuse(parts, &problem)
        })
    }

    /// A file, where the path names none of the API's resources, or is the page at the root.
    async fn file(&self, parts: &Parts) -> Option<Response<Bytes>> {
        let files = self.files.as_ref()?;
        let path = parts.uri.path();
        if path != "/" && self.api.knows(path) {
            return None;
        }
        files.answer(parts).await
    }

    /// Reads a body whole.
    async fn read(&self, mut body: Incoming) -> Result<Bytes, Problem> {
        let limit = self.api.settings().body_bytes;
        let too_large =
            || Problem::too_large(format!("the body is larger than {} MiB; split it", limit >> 20));
        if body.size_hint().lower() > limit as u64 {
            discard(&mut body, limit).await;
            return Err(too_large());
        }
        let read = timeout(BODY, Limited::new(&mut body, limit).collect()).await;
        match read {
            Err(_) => Err(Problem::new(
                Kind::RequestTimeout,
                format!("the body did not arrive within {} s", BODY.as_secs()),
            )),
            Ok(Ok(read)) => Ok(read.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                discard(&mut body, limit).await;
                Err(too_large())
            }
            Ok(Err(error)) => Err(Problem::new(
                Kind::Host(Class::InvalidInput),
                format!("the body could not be read: {error}"),
            )),
        }
    }
}

/// Listens to at most so many bytes more, and keeps none.
async fn discard(body: &mut Incoming, limit: usize) {
    let mut left = limit;
    let rest = async {
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(length) {
                Some(less) => left = less,
                None => break,
            }
        }
    };
    timeout(REST, rest).await.ok();
}

/// The request as the API takes it.
fn request(parts: &Parts, body: Bytes) -> Request<Bytes> {
    let mut request = Request::new(body);
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = parts.uri.clone();
    *request.headers_mut() = parts.headers.clone();
    // A client sends its body's length; what was read is what counts.
    request.headers_mut().remove(header::CONTENT_LENGTH);
    request
}
