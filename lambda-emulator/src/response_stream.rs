//! The answer of `InvokeWithResponseStream`: an event stream of `PayloadChunk`s and one
//! `InvokeComplete`.
//!
//! Source: Lambda API reference, "InvokeWithResponseStream"; the framing is AWS's
//! `application/vnd.amazon.eventstream`.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::{Bytes, BytesMut};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::json;

use crate::invocation::{Answer, FunctionError, Stream};
use crate::server::{Body, BoxError, response as plain};

/// Where the stream of events is.
enum State {
    Parts(Stream),
    Whole(Bytes),
    Complete(Option<FunctionError>),
    End,
}

pub(crate) fn response(answer: Answer) -> Response<Body> {
    let state = match answer {
        Answer::Payload(payload) => State::Whole(payload),
        Answer::Stream(stream) => State::Parts(stream),
        Answer::Error(error) => State::Complete(Some(error)),
    };
    let frames = futures_util::stream::unfold(state, |state| async move {
        let (message, next) = step(state).await?;
        let mut bytes = BytesMut::new();
        let frame: Result<Frame<Bytes>, BoxError> = match write_message_to(&message, &mut bytes) {
            Ok(()) => Ok(Frame::data(bytes.freeze())),
            Err(error) => Err(error.into()),
        };
        Some((frame, next))
    });
    let mut response = plain(StatusCode::OK, "application/vnd.amazon.eventstream", Bytes::new());
    *response.body_mut() = StreamBody::new(frames).boxed_unsync();
    response
}

async fn step(state: State) -> Option<(Message, State)> {
    match state {
        State::End => None,
        State::Whole(payload) => Some((chunk(payload), State::Complete(None))),
        State::Complete(error) => Some((complete(error.as_ref()), State::End)),
        State::Parts(mut stream) => match stream.next().await {
            Some(Ok(bytes)) => Some((chunk(bytes), State::Parts(stream))),
            Some(Err(error)) => Some((complete(Some(&error)), State::End)),
            None => Some((complete(None), State::End)),
        },
    }
}

fn chunk(bytes: Bytes) -> Message {
    event("PayloadChunk", "application/octet-stream", bytes)
}

fn complete(error: Option<&FunctionError>) -> Message {
    let body = match error {
        Some(error) => json!({
            "ErrorCode": error.error_type,
            "ErrorDetails": String::from_utf8_lossy(&error.payload),
        }),
        None => json!({}),
    };
    event("InvokeComplete", "application/json", body.to_string().into())
}

fn event(kind: &'static str, content_type: &'static str, payload: Bytes) -> Message {
    [(":message-type", "event"), (":event-type", kind), (":content-type", content_type)]
        .into_iter()
        .fold(Message::new(payload), |message, (name, value)| {
            message.add_header(Header::new(name, HeaderValue::String(value.into())))
        })
}
