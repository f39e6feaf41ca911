//! AWS's services when they are slow, refuse, or answer what they should not, while an event is handled: the
//! documented answer comes before the function's time is up, nothing is lost, nothing is answered twice, and the
//! same environment serves what comes next.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod events;
mod news;
mod objects;
mod pollers;
mod sinks;

use std::time::Duration;

use conformance::faults::{Fault, NOTHING, PAGE, Proxy};
use conformance::function::{fraud_function, lines_with};
use conformance::moto::{Moto, credentials};
use lambda_emulator::{Emulator, Function};

/// What goes wrong with any service, and whether things get where they should all the same.
const FAULTS: [(Fault, bool); 6] = [
    (Fault::Once(503), true),
    (Fault::RefuseAll(503), false),
    (Fault::Hang, false),
    (Fault::Down, false),
    (PAGE, false),
    (NOTHING, false),
];

/// moto's server, and the proxy before it that the function knows.
struct Place {
    moto: Moto,
    proxy: Proxy,
}

impl Place {
    /// `None` where moto's server is not installed.
    fn open() -> Option<Self> {
        let moto = Moto::start()?;
        let proxy = Proxy::start(moto.endpoint());
        Some(Self { moto, proxy })
    }

    /// The function with little time, of which half is kept for answers, so that a busy machine does not matter.
    fn function(&self, variables: &[(&str, &str)]) -> Function {
        let endpoint = self.proxy.endpoint();
        let own = [("AWS_ENDPOINT_URL", endpoint.as_str()), ("SAMEBITS_RESERVE", "1600")];
        let mut function = fraud_function(&[&own[..], variables].concat());
        function.timeout = Duration::from_secs(3);
        function.credentials = Some(credentials());
        function
    }
}

/// How many environments were there, one after the other.
fn environments(emulator: &Emulator) -> usize {
    lines_with(emulator, "message").iter().filter(|line| line["message"] == "ready").count()
}
