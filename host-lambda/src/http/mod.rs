//! HTTP as Lambda's front doors hand it over: API Gateway's REST APIs (payload 1.0) and HTTP APIs
//! (2.0), function URLs (2.0), and Application Load Balancers with single or multi-value headers.
//!
//! In goes an event, out comes the answer in exactly the form of the door that it came through: a
//! key too many is a 502 at some of them. What is answered is the API's affair.

mod event;
mod reply;

use std::time::SystemTime;

use predictor_api::{Decided, Kind, Note, Problem};

use crate::event::Source;
use crate::failure::Failure;
use crate::function::{Function, Work};
use crate::log::Level;
use event::HttpEvent;

/// Answers an event with a `requestContext`.
///
/// # Errors
/// [`Failure::Unsupported`] if it is no HTTP request. What is wrong with a request is an answer.
pub(crate) fn answer(function: &Function, work: &mut Work, event: &str) -> Result<String, Failure> {
    let event = HttpEvent::parse(event).ok_or_else(|| {
        Failure::Unsupported("an event with a requestContext that is no HTTP request".into())
    })?;
    work.measured.source = Some(Source::Http);
    if let Some(principal) = event.principal() {
        work.invocation.principal = Some(principal);
    }
    let door = event.door();
    let (request, problem) = event.request(&function.base_path.0);
    let path = request.uri().path().to_owned();
    let model = std::sync::Arc::clone(&work.model);
    let api = &model.api;
    let response = match problem {
        None => api.answer(&request, SystemTime::now()),
        Some(problem) => api.refuse(&request.into_parts().0, &problem),
    };
    if let Some(Decided(decisions)) = response.extensions().get() {
        let decided = || decisions.instances.iter().zip(&decisions.outcomes);
        work.measured.inference += decisions.inference;
        work.measured.outcomes(&decisions.outcomes);
        #[cfg(feature = "aws")]
        if let Some(trial) = &work.serving.trial {
            let package = &work.model.named.package;
            trial.saw(package, decisions.outcomes.iter(), decisions.inference);
        }
        function.audit(work, Source::Http, None, decided())?;
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
    let mut parts = http::Request::new(()).into_parts().0;
    parts.uri = path.parse().unwrap_or_default();
    let refused = api.refuse(&parts, &Problem::new(Kind::AnswerTooLarge, message));
    reply::write(door, &refused).map_err(Failure::Answer)
}
