//! Puts the pieces together: the pool of environments, the doors, the sources, and their end.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::asynchronous::AsynchronousQueue;
use crate::aws::AwsClient;
use crate::error::Error;
use crate::instance::Context;
use crate::invocation::{Invocation, InvokeError, Reply};
use crate::ledger::Ledger;
use crate::limits::describe_limits;
use crate::log::Log;
use crate::options::{Asynchronous, DoorKind, Function, Options};
use crate::package::TaskRoot;
use crate::pool::Pool;
use crate::server::OwnedTask;
use crate::source::Feed;
use crate::trouble::TroubleMaker;

/// A running emulator. Dropping it kills every process that it started; [`shut_down`] gives
/// extensions the grace that Lambda gives them.
///
/// [`shut_down`]: Emulator::shut_down
#[derive(Debug)]
pub struct Emulator {
    pub(crate) pool: Arc<Pool>,
    pub(crate) log: Arc<Log>,
    ledger: Arc<Ledger>,
    pub(crate) doors: Vec<(DoorKind, SocketAddr)>,
    limits: String,
    pub(crate) tasks: Vec<OwnedTask>,
    _task_root: TaskRoot,
}

impl Emulator {
    /// Checks everything, unpacks the function, initialises provisioned environments and opens the
    /// doors. Must be called within a tokio runtime.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let Options { function, .. } = &options;
        function.check()?;
        if options.concurrency == 0 || options.provisioned > options.concurrency {
            return Err(Error::Option {
                option: "concurrency",
                found: format!("{} with {} provisioned", options.concurrency, options.provisioned),
                accepted: "at least 1, and at least as many as are provisioned".to_owned(),
            });
        }
        let task_root = TaskRoot::new(function)?;
        let log = Arc::new(Log::new(options.print));
        let ledger = Arc::new(Ledger::open(options.ledger.as_deref())?);
        let trouble = Arc::new(TroubleMaker::new(options.trouble.clone()));
        let function = Arc::new(function.clone());
        let context = Context {
            function: Arc::clone(&function),
            task: task_root.path(),
            log: Arc::clone(&log),
            trouble: Arc::clone(&trouble),
        };
        let pool = Pool::new(context, options.concurrency);
        let mut emulator = Self {
            pool: Arc::clone(&pool),
            log: Arc::clone(&log),
            ledger: Arc::clone(&ledger),
            doors: Vec::new(),
            limits: describe_limits(&function),
            tasks: Vec::new(),
            _task_root: task_root,
        };
        if let Err(reason) = pool.provision(options.provisioned).await {
            return Err(Error::Option {
                option: "provisioned",
                found: format!(
                    "{} environments, of which one can't start: {reason}",
                    options.provisioned
                ),
                accepted: "a function that can be initialised".to_owned(),
            });
        }
        let aws = emulator.connect(&options, &function).await?;
        let asynchronous = Arc::new(AsynchronousQueue {
            function: Arc::clone(&function),
            pool: Arc::clone(&pool),
            options: options.asynchronous.clone(),
            aws: aws.clone(),
            ledger: Arc::clone(&ledger),
        });
        if let Some(aws) = aws {
            let feed = Arc::new(Feed {
                function: Arc::clone(&function),
                pool,
                aws,
                ledger,
                trouble,
                asynchronous: Arc::clone(&asynchronous),
            });
            for source in &options.sources {
                emulator.tasks.extend(feed.open(source).await?);
            }
        }
        emulator.open_doors(&options, &function, &asynchronous).await?;
        Ok(emulator)
    }

    /// A client of the AWS-compatible endpoint, where anything needs one.
    async fn connect(
        &self,
        options: &Options,
        function: &Function,
    ) -> Result<Option<Arc<AwsClient>>, Error> {
        let Asynchronous { on_success, on_failure, dead_letter, .. } = &options.asynchronous;
        let destinations = [on_success, on_failure, dead_letter].into_iter().flatten().count();
        if options.sources.is_empty() && destinations == 0 {
            return Ok(None);
        }
        let Some(aws) = &options.aws else {
            return Err(Error::Option {
                option: "aws",
                found: "none".to_owned(),
                accepted: "an endpoint, for event sources and destinations".to_owned(),
            });
        };
        let client = AwsClient::new(aws, &function.region);
        client.check().await?;
        Ok(Some(Arc::new(client)))
    }

    /// The listeners' addresses, in the order of [`Options::doors`].
    pub fn doors(&self) -> &[(DoorKind, SocketAddr)] {
        &self.doors
    }

    /// How memory and processor limits are enforced on this machine.
    pub fn limits(&self) -> &str {
        &self.limits
    }

    /// How many environments there are now.
    pub fn environments(&self) -> usize {
        self.pool.environments()
    }

    /// The function's log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The log, for whoever wants to read it when the emulator is gone.
    pub fn log_handle(&self) -> Arc<Log> {
        Arc::clone(&self.log)
    }

    /// What became of each record.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Invokes the function without HTTP in between.
    pub async fn invoke(&self, invocation: Invocation) -> Result<Reply, InvokeError> {
        self.pool.invoke(invocation).await
    }

    /// Closes doors and sources, then ends the environments as Lambda does.
    pub async fn shut_down(mut self) {
        self.tasks.clear();
        self.pool.shut_down().await;
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.tasks.clear();
        self.pool.close();
    }
}

/// Runs the emulator until `end` is ready: what a command line calls. `started` is told the
/// addresses once everything listens.
pub async fn run(
    options: Options,
    started: impl FnOnce(&Emulator),
    end: impl Future<Output = ()>,
) -> Result<(), Error> {
    tokio::pin!(end);
    let emulator = tokio::select! {
        emulator = Emulator::start(options) => emulator?,
        () = &mut end => return Ok(()),
    };
    started(&emulator);
    end.await;
    emulator.shut_down().await;
    Ok(())
}
