//! Direct invokes and messages: one request, one answer.
//!
//! An instance that can't be predicted fails the invoke, with its class as the error type. In an
//! array it has its error at its place, and the invoke succeeds. A message comes asynchronously, so
//! that nobody reads its answer: there any error fails the invoke, and Lambda tries again and then
//! keeps the event where the function's configuration says.

use std::sync::Arc;

use predictor_api::out_of_time;
use predictor_host::{Outcome, Request};

use crate::event::{Content, Envelope, Opener, Record, Source, Unread};
use crate::failure::Failure;
use crate::function::{Answered, Function, Work};
use crate::results::Delivery;

/// A plain instance, or an array of them: the prediction, or an array of predictions.
pub(crate) async fn direct(
    function: &Function,
    work: &mut Work,
    request: &Request,
) -> Result<String, Failure> {
    let mut outcomes = decided(function, work, Source::Direct, request).await?;
    if !request.is_array()
        && let Some(Err(error)) = outcomes.pop_if(|outcome| outcome.is_err())
    {
        return Err(error.into());
    }
    let texts = work.model.provenance.texts(&outcomes).join(",");
    Ok(if request.is_array() { format!("[{texts}]") } else { texts })
}

/// Instances with the model that they are for: `{"predictions": […]}`.
pub(crate) async fn envelope(
    function: &Function,
    work: &mut Work,
    envelope: &Envelope,
) -> Result<String, Failure> {
    let found = &work.model.named.name;
    if let Some(asked) = envelope.model.as_ref().filter(|asked| *asked != found) {
        let asked = asked.chars().take(80).collect();
        return Err(Failure::UnknownModel { asked, found: found.clone() });
    }
    let outcomes = decided(function, work, Source::Envelope, &envelope.request).await?;
    let texts = work.model.provenance.texts(&outcomes).join(",");
    Ok(format!("{{\"predictions\":[{texts}]}}"))
}

/// A message of a topic, or a custom event: its predictions, or its first error.
pub(crate) async fn message(
    function: &Function,
    work: &mut Work,
    source: Source,
    mut record: Record,
) -> Result<String, Failure> {
    // There is one message, so that the invoke is about it and nothing else.
    if let Some(trace) = record.trace.take() {
        work.invocation.trace = Some(*trace);
    }
    // An event of one's own may have no id. That of the request stays when Lambda tries again.
    if record.id.is_empty() {
        record.id.clone_from(&work.invocation.request);
    }
    let body = std::mem::replace(&mut record.body, crate::event::Body::Nothing);
    let opened = Opener::new().open(body);
    work.begin_anew();
    work.routed(|| function.record_key(&record, opened.as_ref().ok()));
    work.begin_with_first();
    let model = &work.model;
    let content = opened.and_then(|opened| opened.content(model.modality, &model.fields));
    let request = match content {
        Ok(Content::Request(request)) => request,
        Ok(Content::Nothing | Content::Objects(_)) => return Ok("null".into()),
        Err(Unread::Refused(error)) => return Err(error.into()),
        Err(Unread::TooMuch) => return Err(Failure::Event("more than memory holds".into())),
    };
    let outcomes = predicted(function, work, source, &request).await;
    let texts = work.model.provenance.texts(&outcomes);
    if function.results.are_wanted() && outcomes.iter().all(Result::is_ok) {
        let delivery = Delivery::new(source, &record, &work.invocation, &texts);
        let delivered = function.results.deliver(&[delivery], work.invocation.deadline).await;
        // What is not delivered comes again, and is written down then.
        delivered.into_iter().collect::<Result<(), _>>()?;
    }
    write_down(function, work, source, Some(&record), &request, &outcomes)?;
    match outcomes.into_iter().find_map(Result::err) {
        Some(error) => Err(error.into()),
        None if request.is_array() => Ok(format!("[{}]", texts.join(","))),
        None => Ok(texts.into_iter().next().unwrap_or_default()),
    }
}

/// Predicts. What there was no time for has an error that says so.
async fn predicted(
    function: &Function,
    work: &mut Work,
    source: Source,
    request: &Request,
) -> Vec<Outcome> {
    work.measured.source = Some(source);
    let outcomes = function.predict(work, request.instances()).await.into_iter();
    outcomes.map(|outcome| outcome.unwrap_or_else(|| Err(out_of_time()))).collect()
}

/// Predicts, counts and writes down what is answered as it comes.
async fn decided(
    function: &Function,
    work: &mut Work,
    source: Source,
    request: &Request,
) -> Result<Vec<Outcome>, Failure> {
    let outcomes = predicted(function, work, source, request).await;
    write_down(function, work, source, None, request, &outcomes)?;
    Ok(outcomes)
}

/// Counts what is answered, and writes it down.
fn write_down(
    function: &Function,
    work: &mut Work,
    source: Source,
    record: Option<&Record>,
    request: &Request,
    outcomes: &[Outcome],
) -> Result<(), Failure> {
    work.measured.outcomes(outcomes);
    let (model, decided) = (Arc::clone(&work.model), request.instances().iter().zip(outcomes));
    function.audit(work, source, &[Answered { model, record, decided }])
}
