//! Where the function finds its parts, what they may take, and how it reports. The only place that
//! reads the environment; everything in it is checked at the start, and all mistakes are said at
//! once.

#[cfg(feature = "aws")]
mod otlp;
mod place;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
mod values;
mod variables;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model_signing::TrustPolicy;
use predictor_api::Cors;
use predictor_host::{Policy, SandboxLimits};

#[cfg(feature = "aws")]
pub(crate) use self::otlp::Otlp;
pub(crate) use self::place::ModelPlace;
#[cfg(feature = "aws")]
use self::values::refresh;
pub(crate) use self::values::{Audit, BasePath, Poison, Switch};
use self::values::{cors, trust};
use self::variables::Variables;
pub(crate) use self::variables::Wrong;
use crate::audit::CopyPlace;
use crate::log::{Format, Level, Log};
use crate::price::Prices;
use crate::privacy::{Key, Wishes};
use crate::results::{Bus, Target};

/// What the environment says. `docs/lambda.md` lists the variables.
#[derive(Debug)]
pub(crate) struct Config {
    /// The compiled component, with its record beside it; not needed for a baked model.
    pub(crate) component: PathBuf,
    /// Where the model is.
    pub(crate) model: ModelPlace,
    /// Whose models to use; everybody's on disk, if it is not set.
    pub(crate) trust: Option<Arc<TrustPolicy>>,
    /// Where models of a store are kept.
    #[cfg(feature = "aws")]
    pub(crate) cache: PathBuf,
    /// How much of them.
    #[cfg(feature = "aws")]
    pub(crate) cache_bytes: u64,
    /// How often another version is looked for.
    #[cfg(feature = "aws")]
    pub(crate) refresh: Option<Duration>,
    /// The field whose value keeps a request at one version.
    #[cfg(feature = "aws")]
    pub(crate) sticky: Option<String>,
    /// Where the Extensions API is.
    #[cfg(feature = "aws")]
    pub(crate) runtime_api: String,
    /// By default fresh for a baked model.
    pub(crate) policy: Option<Policy>,
    /// What a sandbox may take.
    pub(crate) limits: SandboxLimits,
    /// Origins whose pages may read answers to HTTP.
    pub(crate) cors: Cors,
    /// What a custom domain or a load balancer's rule puts before every path, such as `/ml`.
    pub(crate) base_path: BasePath,
    /// How an invoke's time is kept: what is left for the answer; `None` for a share of the whole.
    pub(crate) reserve: Option<Duration>,
    /// What becomes of records that can't be predicted however often they are tried.
    pub(crate) poison: Poison,
    /// Where results of records and messages go.
    pub(crate) results: Target,
    /// The bus of EventBridge that alerts go to.
    #[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "nothing is sent"))]
    pub(crate) alerts: Option<Bus>,
    /// How many of a kind within a minute are worth an alert.
    #[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "nothing is sent"))]
    pub(crate) alert_after: usize,
    /// When a window of decisions is a drift, where that is looked for.
    #[cfg(feature = "aws")]
    pub(crate) drift: Option<crate::drift::Thresholds>,
    /// Where spans go, if they go anywhere.
    #[cfg(feature = "aws")]
    pub(crate) otlp: Option<Otlp>,
    /// How AWS is reached, where results or alerts go there.
    #[cfg(feature = "aws")]
    pub(crate) aws: aws_call::Settings,
    /// What audit records have.
    pub(crate) audit: Audit,
    /// Where a copy of them goes, if it goes anywhere.
    #[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "nothing is sent"))]
    pub(crate) audit_copy: Option<CopyPlace>,
    /// Which fields are sensitive besides those of the manifest, and what is done to them.
    pub(crate) sensitive: Wishes,
    /// For keyed hashes.
    pub(crate) key: Option<Key>,
    /// Whether metrics are written.
    pub(crate) metrics: Switch,
    /// The metrics' namespace.
    pub(crate) namespace: String,
    /// The service, in metrics and logs.
    pub(crate) service: String,
    /// How logs are written.
    pub(crate) log_format: Format,
    /// Which are.
    pub(crate) log_level: Level,
    /// What Lambda charges.
    pub(crate) prices: Prices,
    /// What Lambda says of the function.
    pub(crate) function: FunctionFacts,
    /// Variables that look like settings and are none.
    pub(crate) unknown: Vec<String>,
}

/// What Lambda says of the function.
#[derive(Clone, Debug, Default)]
pub(crate) struct FunctionFacts {
    /// Its name.
    pub(crate) name: String,
    /// Its memory in MB.
    pub(crate) memory_mb: u32,
}

impl Config {
    /// What writes the log.
    pub(crate) fn log(&self) -> Log {
        Log::new(self.log_format, self.log_level, self.service.clone())
    }

    /// Whether there is anything to do after answers, for a model that stays what it is.
    #[cfg(feature = "aws")]
    pub(crate) fn works_after_answers(&self) -> bool {
        self.otlp.is_some() || self.audit_copy.is_some()
    }

    /// # Errors
    /// If this is not Lambda, or settings are wrong: all of them.
    pub(crate) fn from_environment() -> Result<Self, Wrong> {
        Self::from_variables(std::env::vars_os().collect())
    }

    fn from_variables(all: BTreeMap<OsString, OsString>) -> Result<Self, Wrong> {
        let mut variables = Variables::new(all);
        let runtime_api = variables.text("AWS_LAMBDA_RUNTIME_API");
        if runtime_api.is_none() {
            return Err(Wrong::one(
                "AWS_LAMBDA_RUNTIME_API is not set: this program is started by AWS Lambda; on a \
                 command line, use host-cli",
            ));
        }
        let folder = variables.path("LAMBDA_TASK_ROOT").unwrap_or_else(|| PathBuf::from("."));
        let mut path = |name: &'static str, default: &str| {
            variables.path(name).unwrap_or_else(|| folder.join(default))
        };
        let component = path("SAMEBITS_COMPONENT", "predictor.cwasm");
        let model = variables.read("SAMEBITS_MODEL", ModelPlace::read);
        let model = model.unwrap_or_else(|| ModelPlace::Disk(folder.join("model")));
        let trust = variables.read("SAMEBITS_TRUST", |text| trust(text, &folder)).map(Arc::new);
        let name = variables.required("AWS_LAMBDA_FUNCTION_NAME");
        variables.required("AWS_LAMBDA_FUNCTION_VERSION");
        variables.required("AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
        let memory_mb = variables.number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").unwrap_or(128);
        let service = variables.text("POWERTOOLS_SERVICE_NAME").unwrap_or_else(|| name.clone());
        let namespace = variables.text("POWERTOOLS_METRICS_NAMESPACE");
        let results = variables.parsed("SAMEBITS_RESULTS").unwrap_or_default();
        let alerts = variables.parsed("SAMEBITS_ALERTS");
        let audit = variables.parsed("SAMEBITS_AUDIT").unwrap_or_default();
        let audit_copy = variables.read("SAMEBITS_AUDIT_COPY", |text| match audit {
            Audit::Off => Err("there is nothing to copy with SAMEBITS_AUDIT=off".into()),
            Audit::Inputs | Audit::Decisions => text.parse(),
        });
        #[cfg(feature = "aws")]
        let aws = match (&results, &alerts, &audit_copy) {
            (Target::Logs, None, None) if matches!(model, ModelPlace::Disk(_)) => {
                aws_call::Settings::default()
            }
            _ => aws(&mut variables),
        };
        #[cfg(feature = "aws")]
        let otlp = {
            let region = variables.text("AWS_REGION").unwrap_or_default();
            let version = variables.text("AWS_LAMBDA_FUNCTION_VERSION").unwrap_or_default();
            let memory = (u64::from(memory_mb) << 20).to_string();
            let facts = [
                ("service.name", service.as_str()),
                ("cloud.provider", "aws"),
                ("cloud.platform", "aws_lambda"),
                ("cloud.region", &region),
                ("faas.name", &name),
                ("faas.version", &version),
                ("faas.max_memory", &memory),
            ];
            otlp::read(&mut variables, &facts)
        };
        let config = Self {
            component,
            model,
            trust,
            #[cfg(feature = "aws")]
            cache: variables
                .path("SAMEBITS_CACHE")
                .unwrap_or_else(|| std::env::temp_dir().join("samebits")),
            #[cfg(feature = "aws")]
            cache_bytes: variables
                .number("SAMEBITS_CACHE_LIMIT")
                .map_or(400, |mebibytes: u32| mebibytes.into())
                << 20,
            #[cfg(feature = "aws")]
            refresh: variables
                .read("SAMEBITS_REFRESH", refresh)
                .unwrap_or(Some(Duration::from_secs(60))),
            #[cfg(feature = "aws")]
            sticky: variables.text("SAMEBITS_STICKY"),
            #[cfg(feature = "aws")]
            runtime_api: runtime_api.unwrap_or_default(),
            policy: variables.parsed("SAMEBITS_SANDBOX"),
            limits: limits(&mut variables),
            cors: variables.read("SAMEBITS_CORS", cors).unwrap_or(Cors::NONE),
            base_path: variables.parsed("SAMEBITS_BASE_PATH").unwrap_or_default(),
            reserve: variables.number("SAMEBITS_RESERVE").map(Duration::from_millis),
            poison: variables.parsed("SAMEBITS_POISON").unwrap_or_default(),
            #[cfg(feature = "aws")]
            drift: crate::drift::Thresholds::set(
                variables.parsed("SAMEBITS_DRIFT_WINDOW"),
                variables.parsed("SAMEBITS_DRIFT_SCORE"),
                variables.parsed("SAMEBITS_DRIFT_RANGE"),
            ),
            #[cfg(feature = "aws")]
            otlp,
            #[cfg(feature = "aws")]
            aws,
            results,
            alerts,
            alert_after: variables
                .number("SAMEBITS_ALERT_AFTER")
                .map_or(10, |count: u16| count.into()),
            audit,
            audit_copy,
            sensitive: variables.parsed("SAMEBITS_SENSITIVE").unwrap_or_default(),
            key: variables.parsed("SAMEBITS_KEY"),
            metrics: variables.parsed("SAMEBITS_METRICS").unwrap_or_default(),
            namespace: namespace.unwrap_or_else(|| "samebits".into()),
            service,
            log_format: variables.parsed("AWS_LAMBDA_LOG_FORMAT").unwrap_or_default(),
            log_level: variables.parsed("AWS_LAMBDA_LOG_LEVEL").unwrap_or_default(),
            prices: Prices::of_this_architecture(
                variables.parsed("SAMEBITS_PRICE_GB_SECOND"),
                variables.parsed("SAMEBITS_PRICE_MILLION_REQUESTS"),
            ),
            function: FunctionFacts { name, memory_mb },
            unknown: variables.unknown("SAMEBITS_"),
        };
        variables.finish(config)
    }
}

/// How AWS is reached. Lambda sets all of it but the endpoint.
#[cfg(feature = "aws")]
fn aws(variables: &mut Variables) -> aws_call::Settings {
    aws_call::Settings {
        region: variables.required("AWS_REGION"),
        access_key_id: variables.required("AWS_ACCESS_KEY_ID"),
        secret_access_key: variables.required("AWS_SECRET_ACCESS_KEY"),
        session_token: variables.text("AWS_SESSION_TOKEN"),
        endpoint: variables.text("AWS_ENDPOINT_URL"),
    }
}

fn limits(variables: &mut Variables) -> SandboxLimits {
    let default = SandboxLimits::DEFAULT;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    default
        .with_operations(variables.number("SAMEBITS_OPERATIONS"))
        .with_threads(variables.number("SAMEBITS_THREADS").unwrap_or(cores))
        .with_memory_bytes(match variables.number::<u16>("SAMEBITS_MEMORY") {
            Some(mebibytes) => usize::from(mebibytes) << 20,
            None => default.memory_bytes,
        })
        .with_deadline(match variables.number("SAMEBITS_DEADLINE") {
            Some(seconds) => Duration::from_secs(seconds),
            None => default.deadline,
        })
}
