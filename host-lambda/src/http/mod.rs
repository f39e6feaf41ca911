//! HTTP as Lambda's front doors hand it over: API Gateway's REST APIs (payload 1.0) and HTTP APIs
//! (2.0), function URLs (2.0), and Application Load Balancers with single or multi-value headers.
//!
//! In goes an event, out comes the answer in exactly the form of the door that it came through: a
//! key too many is a 502 at some of them. What is answered is the API's affair.

mod event;
mod reply;

use std::time::SystemTime;

use predictor_api::{Api, Kind, Note, Problem};
use serde_json::value::RawValue;

use event::HttpEvent;

/// Answers an event, if it is HTTP. `base_path` is stripped from paths; `now` is the time that
/// predictions are stamped with.
///
/// # Errors
/// None for what the API answers: the error of a JSON text that is none.
pub(crate) fn answer(
    api: &Api,
    base_path: &str,
    event: &str,
    now: SystemTime,
) -> Option<serde_json::Result<Box<RawValue>>> {
    let event = HttpEvent::parse(event)?;
    let door = event.door();
    let (request, problem) = event.request(base_path);
    let path = request.uri().path().to_owned();
    let response = match problem {
        None => api.answer(&request, now),
        Some(problem) => api.refuse(&request.into_parts().0, &problem),
    };
    if response.status().is_server_error() {
        let note = response.extensions().get::<Note>();
        let note = note.map(|Note(text)| text.as_str()).unwrap_or_default();
        eprintln!("error: {path:?} {}: {note}", response.status());
    }
    let text = reply::write(door, &response);
    let (found, most) = (text.as_ref().map_or(0, String::len), door.most());
    if found <= most {
        return Some(text.and_then(RawValue::from_string));
    }
    let message = format!(
        "the answer has {found} bytes, more than the {most} that come through here; send fewer \
         instances at once"
    );
    let mut parts = http::Request::new(()).into_parts().0;
    parts.uri = path.parse().unwrap_or_default();
    let refused = api.refuse(&parts, &Problem::new(Kind::AnswerTooLarge, message));
    Some(reply::write(door, &refused).and_then(RawValue::from_string))
}
