//! The environment variables that a function sees: Lambda's own, the user's, and no others.
//!
//! Source: AWS Lambda developer guide, "Defined runtime environment variables", and the environment
//! of a `provided.al2023` function. `AWS_EXECUTION_ENV` is absent: AWS does not define it for
//! OS-only runtimes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use crate::options::Function;

/// Why an environment was initialised (`AWS_LAMBDA_INITIALIZATION_TYPE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitializationType {
    /// An invoke found no environment.
    OnDemand,
    /// It was made beforehand.
    ProvisionedConcurrency,
    /// It takes several invokes at once.
    LambdaManagedInstances,
}

impl InitializationType {
    /// The value of the variable.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::ProvisionedConcurrency => "provisioned-concurrency",
            Self::LambdaManagedInstances => "lambda-managed-instances",
        }
    }
}

/// All variables of the runtime's process.
pub(crate) fn runtime(
    function: &Function,
    task: &Path,
    api: SocketAddr,
    log_stream: &str,
    kind: InitializationType,
) -> BTreeMap<String, String> {
    let task = task.display();
    let mut variables = shared(function, api, kind);
    variables.extend(
        [
            ("_HANDLER", function.handler.clone()),
            ("LAMBDA_TASK_ROOT", task.to_string()),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", function.name)),
            ("AWS_LAMBDA_LOG_STREAM_NAME", log_stream.to_owned()),
            ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR".to_owned()),
            ("AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129:2000".to_owned()),
            ("_AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129".to_owned()),
            ("_AWS_XRAY_DAEMON_PORT", "2000".to_owned()),
            ("LANG", "en_US.UTF-8".to_owned()),
            ("TZ", ":UTC".to_owned()),
            ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin".to_owned()),
            (
                "LD_LIBRARY_PATH",
                format!(
                    "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:{task}:{task}/lib:/opt/lib"
                ),
            ),
            ("PWD", task.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    variables.extend(function.environment.clone());
    variables
}

/// All variables of an external extension's process: fewer than the runtime's, as AWS lists them
/// under "Lambda Extensions API".
pub(crate) fn extension(
    function: &Function,
    api: SocketAddr,
    kind: InitializationType,
) -> BTreeMap<String, String> {
    let mut variables = shared(function, api, kind);
    variables.insert("PATH".to_owned(), "/usr/local/bin:/usr/bin/:/bin:/opt/bin".to_owned());
    variables.insert("TZ".to_owned(), ":UTC".to_owned());
    variables.extend(function.environment.clone());
    variables
}

fn shared(
    function: &Function,
    api: SocketAddr,
    kind: InitializationType,
) -> BTreeMap<String, String> {
    let mut variables: BTreeMap<String, String> = [
        ("AWS_LAMBDA_RUNTIME_API", api.to_string()),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_mb.to_string()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", kind.as_str().to_owned()),
        ("AWS_REGION", function.region.clone()),
        ("AWS_DEFAULT_REGION", function.region.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if let Some(credentials) = &function.credentials {
        variables.insert("AWS_ACCESS_KEY_ID".to_owned(), credentials.access_key_id.clone());
        variables.insert("AWS_SECRET_ACCESS_KEY".to_owned(), credentials.secret_access_key.clone());
        if let Some(token) = &credentials.session_token {
            variables.insert("AWS_SESSION_TOKEN".to_owned(), token.clone());
        }
    }
    variables
}
