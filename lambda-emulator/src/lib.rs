//! A Lambda for the laptop: runs a native function package as AWS Lambda does, without containers.
//!
//! In goes a `bootstrap` or a zip, with [`Options`]; out come listeners in every HTTP form that
//! Lambda knows, pollers of event sources, a log with `REPORT` lines, and a ledger of each record's
//! fate. [`run`] is the one entry point for a command line; [`Emulator`] is for tests.
//!
//! The emulator knows nothing of what the function does. It emulates neither IAM nor networks, and
//! a function sees this machine's file system, `/tmp` included.

mod asynchronous;
mod aws;
mod control_group;
mod destination;
mod door;
mod emulator;
mod environment;
mod error;
mod exchange;
mod extensions_api;
mod failure;
mod http_client;
mod http_door;
mod instance;
mod invocation;
mod invoke_api;
mod janitor;
mod ledger;
mod limits;
mod log;
mod memory;
mod notation;
mod options;
mod output;
mod package;
mod pool;
mod process;
mod report;
mod response_stream;
mod runtime_api;
mod server;
mod source;
mod telemetry;
mod trouble;
mod variables;

pub use emulator::{Emulator, run};
pub use error::{Error, PackageError};
pub use invocation::{
    Answer, Finished, FunctionError, Invocation, InvokeError, PAYLOAD_BYTES, Reply, Stream,
};
pub use ledger::{Entry, Fate, Ledger};
pub use log::{Log, PrintLines};
pub use options::{
    Asynchronous, Aws, Credentials, Door, DoorKind, Function, MemoryLimit, Options, Source,
    SqsSource, StreamSource,
};
pub use package::{UNPACKED_BYTES, ZIP_BYTES};
pub use process::Exit;
pub use report::{InvokeStatus, Report};
pub use trouble::{Action, Point, Rule, Trouble};
