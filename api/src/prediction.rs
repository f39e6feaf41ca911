//! `predict`: instances to predictions.
//!
//! What the component rendered is handed on byte for byte; behind it come the provenance and then
//! the host's time. To compare two answers, compare what stands before `,"provenance":`.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use predictor_host::envelope::explained;
use predictor_host::{Instance, Outcome, Predictor};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::instances::{self, Given};
use crate::json_body::Form;
use crate::model::Model;
use crate::problem::{self, Problem, out_of_time};
use crate::response::{Decided, Decisions};
use crate::{Api, Time, coding, response};

/// RFC 3339 in UTC with milliseconds.
const TIMESTAMP: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Predicts with the model that the path, the envelope or the default names.
///
/// An instance that fails and came by itself is a problem; in an array it has its error at its place.
/// So has one that was not reached in time, but if none was, that is a problem.
///
/// # Errors
/// What is wrong with the request.
pub(crate) fn answer(
    api: &Api,
    name: Option<&str>,
    request: &Request<Bytes>,
    time: &Time<'_>,
) -> Result<Response<Bytes>, Problem> {
    let named = name.map(|name| api.models.named(name)).transpose()?;
    let body = coding::undo(request.headers(), request.body(), api.settings.body_bytes)?;
    let likely = named.or_else(|| api.models.default());
    let given =
        instances::read(request.headers(), &body, likely.map(Model::modality), &api.settings)?;
    let model = chosen(api, named, given.model.as_deref())?;
    let Given { instances, form, .. } = given;
    let began = Instant::now();
    let outcomes = predicted(model.predictor(), &instances, time)?;
    let outcomes = instances.iter().zip(outcomes).map(|(it, outcome)| explained(it, outcome));
    let outcomes: Vec<_> = outcomes.collect();
    let inference = began.elapsed();
    let mut response = match (&form, outcomes.first()) {
        (Form::Single, Some(Err(error))) => {
            let path = request.uri().path();
            Problem::from(error).response(problem::Form::of(path), path)
        }
        _ => {
            let texts = model.provenance().texts_at(&outcomes, &timestamp(time.now)).join(",");
            response::json(match form {
                Form::Single => texts,
                Form::Array => format!("[{texts}]"),
                Form::Envelope => format!("{{\"predictions\":[{texts}]}}"),
            })
        }
    };
    let decisions = Decisions { instances, outcomes, began, inference };
    response.extensions_mut().insert(Decided(Arc::new(decisions)));
    Ok(response)
}

/// What each instance got, as long as there is time.
///
/// # Errors
/// If there was time for none.
fn predicted(
    predictor: &Predictor,
    instances: &[Instance],
    time: &Time<'_>,
) -> Result<Vec<Outcome>, Problem> {
    let Some(left) = time.left else { return Ok(predictor.predict_each(instances)) };
    let outcomes = predictor.predict_while(instances, left);
    if !outcomes.is_empty() && outcomes.iter().all(Option::is_none) {
        return Err(Problem::out_of_time());
    }
    Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| Err(out_of_time()))).collect())
}

fn chosen<'a>(
    api: &'a Api,
    named: Option<&'a Model>,
    envelope: Option<&str>,
) -> Result<&'a Model, Problem> {
    match (named, envelope) {
        (Some(model), Some(name)) if model.name() != name => {
            let here = model.name();
            let message = format!("the path names the model {here}, the body {name:?}; name one");
            Err(Problem::input("two-models", message))
        }
        (Some(model), _) => Ok(model),
        (None, Some(name)) => api.models.named(name),
        (None, None) => api.models.default().ok_or_else(|| {
            api.models.not_found("none of several models is named; post to models/NAME/predict")
        }),
    }
}

fn timestamp(now: SystemTime) -> String {
    OffsetDateTime::from(now).format(TIMESTAMP).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn timestamps_have_milliseconds() {
        let now = UNIX_EPOCH + Duration::from_millis(1_767_225_600_007);
        assert_eq!(timestamp(now), "2026-01-01T00:00:00.007Z");
    }
}
