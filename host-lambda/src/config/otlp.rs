//! Where spans go, in the variables that OpenTelemetry's specification names ("OpenTelemetry Protocol
//! Exporter", "Environment Variable Specification").

use std::time::Duration;

use super::variables::Variables;
use crate::trace::sampler::Sampler;

/// How long a collector may take. The specification's ten seconds would hold an environment up.
const TIMEOUT: Duration = Duration::from_secs(1);
/// Behind the endpoint of all signals.
const PATH: &str = "/v1/traces";

/// Where spans go.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Otlp {
    /// Of traces.
    pub(crate) url: String,
    /// Sent along, such as a key.
    pub(crate) headers: Vec<(String, String)>,
    /// How long all requests after one answer may take.
    pub(crate) timeout: Duration,
    /// Which traces they are sent of.
    pub(crate) sampler: Sampler,
    /// Who sends them.
    pub(crate) resource: Vec<(String, String)>,
}

/// What the variables say; nothing, if spans go nowhere. `facts` is what is known of the function.
pub(super) fn read(variables: &mut Variables, facts: &[(&str, &str)]) -> Option<Otlp> {
    let all = variables.read("OTEL_EXPORTER_OTLP_ENDPOINT", |text| {
        url(text).map(|url| format!("{}{PATH}", url.trim_end_matches('/')))
    });
    let traces = variables.read("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url);
    let headers = variables.read("OTEL_EXPORTER_OTLP_HEADERS", pairs).unwrap_or_default();
    let timeout = variables.number("OTEL_EXPORTER_OTLP_TIMEOUT").map(Duration::from_millis);
    variables.read("OTEL_EXPORTER_OTLP_PROTOCOL", |text| match text {
        "http/json" => Ok(()),
        _ => Err(format!("expected http/json, found {text:?}")),
    });
    let share = variables.read("OTEL_TRACES_SAMPLER_ARG", Sampler::share).unwrap_or(1.0);
    let sampler = variables.read("OTEL_TRACES_SAMPLER", |name| Sampler::named(name, share));
    let name = variables.text("OTEL_SERVICE_NAME");
    let more = variables.read("OTEL_RESOURCE_ATTRIBUTES", pairs).unwrap_or_default();
    let disabled = variables.text("OTEL_SDK_DISABLED");
    let url = traces.or(all)?;
    if disabled.is_some_and(|text| text.eq_ignore_ascii_case("true")) {
        return None;
    }
    let mut resource: Vec<(String, String)> = facts
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    // A name of its own goes before attributes, and they before what is known.
    let name = name.map(|name| ("service.name".to_owned(), name));
    for (key, value) in more.into_iter().chain(name) {
        resource.retain(|(known, _)| *known != key);
        resource.push((key, value));
    }
    let (timeout, sampler) = (timeout.unwrap_or(TIMEOUT), sampler.unwrap_or_default());
    Some(Otlp { url, headers, timeout, sampler, resource })
}

fn url(text: &str) -> Result<String, String> {
    let uri: Result<http::Uri, _> = text.parse();
    let good = uri.is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some()
    });
    match good {
        true => Ok(text.to_owned()),
        false => Err(format!("expected an address such as http://localhost:4318, found {text:?}")),
    }
}

/// `name=value,name=value`; values are encoded as in URLs. What is wrong may be a secret.
fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let pairs = parts.map(|part| {
        let (name, value) = part.split_once('=')?;
        let name = name.trim();
        let value = percent_encoding::percent_decode_str(value.trim()).decode_utf8().ok()?;
        (!name.is_empty()).then(|| (name.to_owned(), value.into_owned()))
    });
    let pairs: Option<_> = pairs.collect();
    pairs.ok_or_else(|| "expected NAME=VALUE with commas between them".to_owned())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn settings(all: &[(&str, &str)]) -> Result<Option<Otlp>, String> {
        let all = all.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let mut variables = Variables::new(all);
        let facts = [("service.name", "fraud"), ("cloud.region", ""), ("faas.name", "fraud")];
        let otlp = read(&mut variables, &facts);
        variables.finish(otlp).map_err(|wrong| wrong.to_string())
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318/");

    #[test]
    fn one_variable_is_enough() {
        assert_eq!(settings(&[]), Ok(None));
        let otlp = settings(&[ENDPOINT]).unwrap().unwrap();
        assert_eq!(otlp.url, "http://localhost:4318/v1/traces");
        assert_eq!((otlp.headers.len(), otlp.timeout), (0, TIMEOUT));
        assert_eq!(otlp.sampler, Sampler::default());
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(otlp.resource, [pair("service.name", "fraud"), pair("faas.name", "fraud")]);
        assert_eq!(settings(&[ENDPOINT, ("OTEL_SDK_DISABLED", "true")]), Ok(None));
    }

    #[test]
    fn the_others_say_more() {
        let otlp = settings(&[
            ENDPOINT,
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://example.com/traces"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20secret, team=risk"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "250"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=x,stage=prod"),
            ("OTEL_SERVICE_NAME", "payments"),
            ("OTEL_TRACES_SAMPLER", "traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.05"),
        ]);
        let otlp = otlp.unwrap().unwrap();
        assert_eq!(otlp.url, "https://example.com/traces");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(otlp.headers, [pair("api-key", "a secret"), pair("team", "risk")]);
        assert_eq!(otlp.timeout, Duration::from_millis(250));
        assert_eq!(Ok(otlp.sampler), Sampler::named("traceidratio", 0.05));
        let expected =
            [pair("faas.name", "fraud"), pair("stage", "prod"), pair("service.name", "payments")];
        assert_eq!(otlp.resource, expected);
    }

    #[test]
    fn what_is_wrong_is_said_without_secrets() {
        let check = |name: &str, value: &str, expected: &str| {
            let error = settings(&[ENDPOINT, (name, value)]).unwrap_err();
            assert!(error.starts_with(name) && error.contains(expected), "{error}");
        };
        check("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector", "expected an address such as");
        check("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "expected http/json, found \"grpc\"");
        check("OTEL_TRACES_SAMPLER", "xray", "expected always_on, always_off or traceidratio");
        check("OTEL_TRACES_SAMPLER_ARG", "5", "expected a number from 0 to 1");
        check("OTEL_EXPORTER_OTLP_TIMEOUT", "0", "a whole number of at least 1");
        check("OTEL_EXPORTER_OTLP_HEADERS", "secret", "expected NAME=VALUE");
        let error = settings(&[("OTEL_EXPORTER_OTLP_HEADERS", "secret")]).unwrap_err();
        assert!(!error.contains("secret"), "{error}");
    }
}
