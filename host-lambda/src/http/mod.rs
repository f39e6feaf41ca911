//! HTTP as Lambda's front doors hand it over: API Gateway's REST APIs (payload 1.0) and HTTP APIs
//! (2.0), function URLs (2.0), and Application Load Balancers with single or multi-value headers.
//!
//! In goes an event, out comes the answer in exactly the form of the door that it came through: a
//! key too many is a 502 at some of them. What is answered is the API's affair.

mod event;
mod reply;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use predictor_api::{Decided, Kind, Note, Problem};
use predictor_host::Class;

use crate::event::Source;
use crate::failure::Failure;
use crate::function::{Answered, Function, Work};
use crate::log::Level;
use crate::metrics::Http;
use crate::trace::span::Phase;
use event::HttpEvent;

/// Answers an event with a `requestContext`.
///
/// # Errors
/// [`Failure::Unsupported`] if it is no HTTP request. What is wrong with a request is an answer.
pub(crate) async fn answer(
    function: &Function,
    work: &mut Work,
    event: &str,
) -> Result<String, Failure> {
    let event = HttpEvent::parse(event).ok_or_else(|| {
        Failure::Unsupported("an event with a requestContext that is no HTTP request".into())
    })?;
    work.measured.source = Some(Source::Http);
    if let Some(principal) = event.principal() {
        work.invocation.principal = Some(principal);
    }
    // The caller's own word goes before Lambda's.
    if let Some(trace) = event.trace() {
        work.invocation.trace = Some(trace);
    }
    let door = event.door();
    let (request, problem) = event.request(&function.base_path.0);
    let path = request.uri().path().to_owned();
    let method = request.method().to_string();
    let began = Instant::now();
    let model = Arc::clone(&work.model);
    let api = &model.api;
    let response = match problem {
        None => in_time(function, work, request).await,
        Some(problem) => api.refuse(&request.into_parts().0, &problem),
    };
    if let Some(Decided(decisions)) = response.extensions().get() {
        let ended = decisions.began + decisions.inference;
        work.measured.took_between(Phase::Preprocess, began, decisions.began);
        work.measured.took_between(Phase::Inference, decisions.began, ended);
        work.measured.took(Phase::Postprocess, ended);
        work.measured.outcomes(&decisions.outcomes);
        #[cfg(feature = "aws")]
        if let Some(trial) = &work.serving.trial {
            let package = &work.model.named.package;
            trial.saw(package, decisions.outcomes.iter(), decisions.inference);
        }
        let decided = decisions.instances.iter().zip(&decisions.outcomes);
        function.audit(
            work,
            Source::Http,
            &[Answered { model: Arc::clone(&model), record: None, decided }],
        )?;
    }
    let status = response.status().as_u16();
    work.measured.http = Some(Http { method, path: path.clone(), status });
    if response.status() == StatusCode::GATEWAY_TIMEOUT && work.measured.is_without_errors() {
        work.measured.error(Class::DeadlineExceeded.name());
    }
    if response.status().is_server_error() {
        let note = response.extensions().get::<Note>();
        let fields = [
            ("path", path.as_str().into()),
            ("status", response.status().as_u16().into()),
            ("detail", note.map(|Note(text)| text.as_str()).into()),
        ];
        let about = Some(work.invocation.about());
        function.log.write(Level::Error, about, "a request failed", fields);
    }
    let text = reply::write(door, &response).map_err(Failure::Answer)?;
    if text.len() <= door.most() {
        return Ok(text);
    }
    let message = format!(
        "the answer has {} bytes, more than the {} that come through here; send fewer instances at \
         once",
        text.len(),
        door.most()
    );
    let mut parts = Request::new(()).into_parts().0;
    parts.uri = path.parse().unwrap_or_default();
    let refused = api.refuse(&parts, &Problem::new(Kind::AnswerTooLarge, message));
    reply::write(door, &refused).map_err(Failure::Answer)
}

/// The answer, or that there is no time for it.
async fn in_time(function: &Function, work: &Work, request: Request<Bytes>) -> Response<Bytes> {
    let deadline = work.invocation.deadline;
    let model = &work.model;
    let quick = model.is_quick(deadline.left()) && !model.api.is_for_tensors(&request);
    let (parts, body) = request.into_parts();
    if quick || model.api.is_quick(&parts) {
        let request = Request::from_parts(parts, body);
        return model.api.answer_while(&request, SystemTime::now(), &|| deadline.left());
    }
    let (asked, model) = (Request::from_parts(parts.clone(), body), Arc::clone(model));
    let answer = move || model.api.answer_while(&asked, SystemTime::now(), &|| deadline.left());
    let answered = function.watch.within(deadline, answer).await;
    answered.unwrap_or_else(|| work.model.api.refuse(&parts, &Problem::out_of_time()))
}
