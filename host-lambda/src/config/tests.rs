//! Settings as they are read, and what is said of wrong ones.

use super::*;

fn config(more: &[(&str, &str)]) -> Result<Config, Wrong> {
    let lambda = [
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
        ("AWS_LAMBDA_FUNCTION_NAME", "fraud"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
    ];
    let all = lambda.iter().chain(more);
    Config::from_variables(all.map(|(name, value)| (name.into(), value.into())).collect())
}

#[test]
fn without_settings_the_defaults_hold() {
    let config = config(&[("SAMEBITS_MODEL", ""), ("PATH", "/bin")]).unwrap();
    assert_eq!(config.model, ModelPlace::Disk("/var/task/model".into()));
    assert_eq!((config.service.as_str(), config.namespace.as_str()), ("fraud", "samebits"));
    assert_eq!((config.poison, config.audit), (Poison::Report, Audit::Inputs));
    assert_eq!((config.log_format, config.log_level), (Format::Json, Level::Info));
    assert_eq!((config.function.memory_mb, config.unknown.len()), (512, 0));
}

#[test]
fn settings_are_read() {
    let config = config(&[
        ("SAMEBITS_MODEL", "/opt/model"),
        ("SAMEBITS_RESERVE", "250"),
        ("SAMEBITS_POISON", "answer"),
        ("SAMEBITS_AUDIT", "decisions"),
        ("SAMEBITS_METRICS", "off"),
        ("SAMEBITS_TYPO", "1"),
        ("AWS_LAMBDA_LOG_FORMAT", "Text"),
        ("AWS_LAMBDA_LOG_LEVEL", "WARN"),
        ("POWERTOOLS_SERVICE_NAME", "payments"),
    ])
    .unwrap();
    assert_eq!(config.model, ModelPlace::Disk("/opt/model".into()));
    assert_eq!(config.reserve, Some(Duration::from_millis(250)));
    assert_eq!((config.poison, config.audit), (Poison::Answer, Audit::Decisions));
    assert_eq!((config.log_format, config.log_level), (Format::Text, Level::Warn));
    assert_eq!((config.metrics, config.service.as_str()), (Switch::Off, "payments"));
    assert_eq!(config.unknown, ["SAMEBITS_TYPO"]);
}

#[test]
fn each_wrong_setting_is_named() {
    let check = |name: &str, value: &str, expected: &str| {
        let error = config(&[(name, value)]).unwrap_err().to_string();
        assert!(error.starts_with(name) && error.contains(expected), "{error}");
        // A key is a secret, also when it is wrong.
        assert!(name != "SAMEBITS_KEY" || !error.contains(value), "{error}");
    };
    check("SAMEBITS_MODEL", "s3://models", "s3://");
    check("SAMEBITS_MODEL", "https://example.com/x.tar", "expected a path");
    check("SAMEBITS_TRUST", "{}", "not a trust policy");
    check("SAMEBITS_AUDIT_COPY", "logs", "expected firehose:STREAM or s3://BUCKET/PREFIX");
    check("SAMEBITS_REFRESH", "0", "expected a whole number of seconds");
    check("SAMEBITS_SANDBOX", "old", "expected fresh, reuse or reuse:N");
    check("SAMEBITS_THREADS", "0", "a whole number of at least 1");
    check("SAMEBITS_MEMORY", "70000", "a whole number of at least 1");
    check("SAMEBITS_CORS", "somewhere", "somewhere");
    check("SAMEBITS_BASE_PATH", "ml", "expected a path such as /ml");
    check("SAMEBITS_POISON", "retry", "expected report or answer, found \"retry\"");
    check("SAMEBITS_AUDIT", "yes", "expected inputs, decisions or off");
    check("SAMEBITS_METRICS", "1", "expected on or off");
    #[cfg(feature = "aws")]
    check("SAMEBITS_DRIFT_WINDOW", "1", "expected 200 to 1000000 decisions, or off");
    #[cfg(feature = "aws")]
    check("SAMEBITS_DRIFT_SCORE", "high", "expected a number from 0 to 100");
    #[cfg(feature = "aws")]
    check("OTEL_EXPORTER_OTLP_ENDPOINT", "x", "expected an address");
    check("SAMEBITS_RESULTS", "queue", "expected logs, sqs:QUEUE-URL, kinesis:STREAM");
    check("SAMEBITS_SENSITIVE", "blur", "expected mask, hash or drop");
    check("SAMEBITS_KEY", "short", "expected at least 16 characters");
    check("SAMEBITS_PRICE_GB_SECOND", "-1", "expected a number of US dollars");
    check("AWS_LAMBDA_LOG_FORMAT", "xml", "expected JSON or Text");
    check("AWS_LAMBDA_LOG_LEVEL", "loud", "expected TRACE, DEBUG, INFO, WARN, ERROR or FATAL");
    check("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "much", "a whole number of at least 1");
    check("AWS_LAMBDA_FUNCTION_NAME", "", "is not set");
}

#[cfg(feature = "aws")]
#[test]
fn results_at_aws_need_credentials() {
    let error = config(&[("SAMEBITS_RESULTS", "kinesis:results")]).unwrap_err().to_string();
    assert!(error.starts_with("3 settings are wrong\n  AWS_REGION: is not set"), "{error}");
}

#[cfg(feature = "aws")]
#[test]
fn a_copy_of_no_audit_records_is_a_mistake() {
    let settings = [("SAMEBITS_AUDIT", "off"), ("SAMEBITS_AUDIT_COPY", "firehose:audit")];
    let error = config(&settings).unwrap_err().to_string();
    assert!(error.starts_with("SAMEBITS_AUDIT_COPY: there is nothing to copy"), "{error}");
}

#[test]
fn all_mistakes_are_said_at_once() {
    let wrong = [("SAMEBITS_THREADS", "0"), ("SAMEBITS_AUDIT", "yes")];
    let error = config(&wrong).unwrap_err().to_string();
    assert!(error.starts_with("2 settings are wrong\n"), "{error}");
    for expected in ["\n  SAMEBITS_THREADS: expected", "\n  SAMEBITS_AUDIT: expected inputs"] {
        assert!(error.contains(expected), "{error}");
    }
}
