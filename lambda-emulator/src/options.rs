//! What the emulator is asked to do, as plain data: the function, its doors, its event sources.
//!
//! Whoever reads a command line or a test's wishes fills these in; nothing here reads arguments or
//! the machine's environment.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::Error;
use crate::log::PrintLines;
use crate::trouble::Trouble;

/// The function's configuration, as `CreateFunction` would take it.
#[derive(Debug, Clone)]
pub struct Function {
    /// A zip, or the `bootstrap` itself.
    pub package: PathBuf,
    /// `AWS_LAMBDA_FUNCTION_NAME`.
    pub name: String,
    /// `_HANDLER`.
    pub handler: String,
    /// Memory in MB, 128 to 10,240.
    pub memory_mb: u32,
    /// Time limit of one invoke, up to 15 minutes.
    pub timeout: Duration,
    /// Environment variables of the user's own: at most 4 KB, no reserved names.
    pub environment: BTreeMap<String, String>,
    /// The role's credentials, set for the function as Lambda does.
    pub credentials: Option<Credentials>,
    /// `AWS_REGION`.
    pub region: String,
    /// The account in ARNs: twelve digits.
    pub account: String,
    /// External extensions (what `/opt/extensions` holds), started before the runtime.
    pub extensions: Vec<PathBuf>,
    /// How the memory limit is enforced.
    pub memory_limit: MemoryLimit,
    /// Give the function only the share of a processor that its memory buys (1,769 MB for one).
    pub cpu_share: bool,
    /// What starts `bootstrap` where this machine can't: a program and its arguments, such as
    /// `qemu-aarch64 -L /usr/aarch64-linux-gnu`. Empty: `bootstrap` is started itself.
    pub runner: Vec<String>,
}

/// An access key for the function and for the emulator's own calls.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<String>,
}

/// How the memory limit is enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MemoryLimit {
    /// A control group where one can be made, else [`MemoryLimit::Poll`].
    #[default]
    Auto,
    /// The resident size is looked at every few milliseconds.
    Poll,
    /// Measured, not enforced.
    Off,
}

impl Function {
    /// A function with Lambda's defaults: 128 MB, 3 s.
    pub fn new(package: impl Into<PathBuf>) -> Self {
        Self {
            package: package.into(),
            name: "function".to_owned(),
            handler: "bootstrap".to_owned(),
            memory_mb: 128,
            timeout: Duration::from_secs(3),
            environment: BTreeMap::new(),
            credentials: None,
            region: "us-east-1".to_owned(),
            account: "123456789012".to_owned(),
            extensions: Vec::new(),
            memory_limit: MemoryLimit::Auto,
            cpu_share: false,
            runner: Vec::new(),
        }
    }

    /// The function's unqualified ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:lambda:{}:{}:function:{}", self.region, self.account, self.name)
    }

    /// How many invokes one environment may have in flight (`AWS_LAMBDA_MAX_CONCURRENCY`).
    pub fn concurrency_per_environment(&self) -> usize {
        self.environment
            .get(MAX_CONCURRENCY)
            .and_then(|text| text.parse().ok())
            .filter(|count| *count > 0)
            .unwrap_or(1)
    }

    /// Whether the function runs as on Lambda Managed Instances: several invokes at once, never
    /// frozen, timeouts reported and not enforced.
    pub fn is_multi_concurrent(&self) -> bool {
        self.environment.contains_key(MAX_CONCURRENCY)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |option, found: String, accepted: &str| {
            Err(Error::Option { option, found, accepted: accepted.to_owned() })
        };
        if !(128..=10_240).contains(&self.memory_mb) {
            return refuse("memory", format!("{} MB", self.memory_mb), "128 to 10240 MB");
        }
        if self.timeout.is_zero() || self.timeout > Duration::from_secs(900) {
            return refuse("timeout", format!("{:?}", self.timeout), "up to 900 s");
        }
        if let Some(text) = self.environment.get(MAX_CONCURRENCY)
            && !text.parse().is_ok_and(|count: usize| (1..=1600).contains(&count))
        {
            return refuse(MAX_CONCURRENCY, text.clone(), "1 to 1600");
        }
        if let Some(name) = self.environment.keys().find(|name| is_reserved(name)) {
            return refuse("environment", name.clone(), "names that Lambda doesn't reserve");
        }
        let bytes: usize =
            self.environment.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > ENVIRONMENT_BYTES {
            return refuse("environment", format!("{bytes} bytes"), "4096 bytes in all");
        }
        Ok(())
    }
}

const MAX_CONCURRENCY: &str = "AWS_LAMBDA_MAX_CONCURRENCY";
/// All environment variables of a function together (AWS Lambda quotas: 4 KB).
const ENVIRONMENT_BYTES: usize = 4096;

/// The names that AWS documents as reserved, less those that configure logging (which a function's
/// `LoggingConfig` sets) and the concurrency (which its capacity provider sets).
fn is_reserved(name: &str) -> bool {
    const RESERVED: [&str; 18] = [
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_XRAY_CONTEXT_MISSING",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    ];
    RESERVED.contains(&name)
}

/// Everything that [`run`](crate::run) needs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The function.
    pub function: Function,
    /// How many environments may exist at once (reserved concurrency).
    pub concurrency: usize,
    /// How many environments are initialised beforehand (provisioned concurrency).
    pub provisioned: usize,
    /// The listeners.
    pub doors: Vec<Door>,
    /// The pollers and subscriptions; they need `aws`.
    pub sources: Vec<Source>,
    /// Where failed or successful asynchronous invokes are sent; they need `aws`.
    pub asynchronous: Asynchronous,
    /// The AWS-compatible endpoint.
    pub aws: Option<Aws>,
    /// Where the ledger's lines go; they are kept in memory too.
    pub ledger: Option<PathBuf>,
    /// Trouble to make.
    pub trouble: Trouble,
    /// What prints the function's log, if anything does.
    pub print: Option<PrintLines>,
}

impl Options {
    /// One function, ten environments at most, nothing provisioned, no doors.
    pub fn new(function: Function) -> Self {
        Self {
            function,
            concurrency: 10,
            provisioned: 0,
            doors: Vec::new(),
            sources: Vec::new(),
            asynchronous: Asynchronous::default(),
            aws: None,
            ledger: None,
            trouble: Trouble::default(),
            print: None,
        }
    }
}

/// A listener on loopback.
#[derive(Debug, Clone)]
pub struct Door {
    /// Which form of event it makes.
    pub kind: DoorKind,
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
}

/// The event form of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DoorKind {
    /// Lambda's own API: `POST /2015-03-31/functions/NAME/invocations` and its streaming sister.
    Invoke,
    /// API Gateway REST API, payload format 1.0; bodies of these media types travel in base64.
    RestV1 {
        /// `binaryMediaTypes` of the API; `*/*` for all.
        binary_media_types: Vec<String>,
    },
    /// API Gateway HTTP API, payload format 2.0.
    HttpV2,
    /// Function URL with `InvokeMode: BUFFERED`.
    FunctionUrl,
    /// Function URL with `InvokeMode: RESPONSE_STREAM`.
    FunctionUrlStreamed,
    /// Application Load Balancer, `lambda.multi_value_headers.enabled` false.
    Alb,
    /// Application Load Balancer, `lambda.multi_value_headers.enabled` true.
    AlbMultiValue,
}

/// The AWS-compatible endpoint that event sources and destinations live in.
#[derive(Debug, Clone)]
pub struct Aws {
    /// As in `http://127.0.0.1:5000`.
    pub endpoint: String,
    /// Signs the calls.
    pub credentials: Credentials,
}

/// An event source mapping, or a subscription that invokes asynchronously.
#[derive(Debug, Clone)]
pub enum Source {
    /// A queue; its name ends with `.fifo` if it is one.
    Sqs(SqsSource),
    /// A Kinesis stream.
    Kinesis(StreamSource),
    /// A DynamoDB table with a stream.
    DynamoDb(StreamSource),
    /// `s3:ObjectCreated:*` of a bucket.
    S3 {
        /// The bucket.
        bucket: String,
    },
    /// A topic.
    Sns {
        /// The topic's ARN.
        topic_arn: String,
    },
    /// A rule on the default event bus.
    EventBridge {
        /// The rule's event pattern (JSON).
        pattern: String,
    },
}

/// An SQS event source mapping.
#[derive(Debug, Clone)]
pub struct SqsSource {
    /// The queue's URL.
    pub queue_url: String,
    /// `BatchSize`: 1 to 10,000 (10 for FIFO).
    pub batch_size: usize,
    /// `MaximumBatchingWindowInSeconds`: up to 300 s; zero for FIFO.
    pub batching_window: Duration,
    /// `FunctionResponseTypes` has `ReportBatchItemFailures`.
    pub report_batch_item_failures: bool,
    /// `ScalingConfig.MaximumConcurrency`: how many batches may be in flight.
    pub maximum_concurrency: usize,
}

impl SqsSource {
    /// A mapping with AWS's defaults.
    pub fn new(queue_url: impl Into<String>) -> Self {
        Self {
            queue_url: queue_url.into(),
            batch_size: 10,
            batching_window: Duration::ZERO,
            report_batch_item_failures: false,
            maximum_concurrency: 2,
        }
    }
}

/// A Kinesis or DynamoDB event source mapping.
#[derive(Debug, Clone)]
pub struct StreamSource {
    /// The stream's name (Kinesis) or the table's (DynamoDB).
    pub name: String,
    /// `BatchSize`: 1 to 10,000; AWS's default is 100.
    pub batch_size: usize,
    /// `MaximumBatchingWindowInSeconds`.
    pub batching_window: Duration,
    /// `FunctionResponseTypes` has `ReportBatchItemFailures`.
    pub report_batch_item_failures: bool,
    /// `BisectBatchOnFunctionError`.
    pub bisect: bool,
    /// `MaximumRetryAttempts`; none means until the records expire.
    pub maximum_retries: Option<u32>,
    /// `MaximumRecordAgeInSeconds`; none means for ever.
    pub maximum_age: Option<Duration>,
    /// `DestinationConfig.OnFailure`: ARN of a queue or topic.
    pub on_failure: Option<String>,
}

impl StreamSource {
    /// A mapping with AWS's defaults, from the oldest record on (`TRIM_HORIZON`).
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            batch_size: 100,
            batching_window: Duration::ZERO,
            report_batch_item_failures: false,
            bisect: false,
            maximum_retries: None,
            maximum_age: None,
            on_failure: None,
        }
    }
}

/// `PutFunctionEventInvokeConfig`: what becomes of asynchronous invokes.
#[derive(Debug, Clone)]
pub struct Asynchronous {
    /// `MaximumRetryAttempts`: 0 to 2.
    pub maximum_retries: u32,
    /// Wait before the first retry (AWS: 1 minute) and the second (AWS: 2 minutes).
    pub backoff: [Duration; 2],
    /// ARN of a queue, topic or event bus for what succeeded.
    pub on_success: Option<String>,
    /// ARN of a queue, topic or event bus for what failed for good.
    pub on_failure: Option<String>,
    /// ARN of the older dead-letter queue or topic, which gets the bare event.
    pub dead_letter: Option<String>,
}

impl Default for Asynchronous {
    fn default() -> Self {
        Self {
            maximum_retries: 2,
            backoff: [Duration::from_secs(60), Duration::from_secs(120)],
            on_success: None,
            on_failure: None,
            dead_letter: None,
        }
    }
}
