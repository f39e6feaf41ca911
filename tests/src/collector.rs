//! A collector of OpenTelemetry's protocol: takes spans in JSON over HTTP, or makes trouble.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manners {
    /// As it should.
    Good,
    /// Never.
    Silent,
    /// With this status.
    Refusing(u16),
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Received {
    /// The request line and the headers, in lower case.
    pub head: String,
    /// The body.
    pub body: Value,
}

/// The collector; ends with the process.
#[derive(Clone, Debug)]
pub struct Collector {
    address: SocketAddr,
    manners: Arc<Mutex<Manners>>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Collector {
    /// Listens.
    ///
    /// # Panics
    /// If there is no port.
    #[must_use]
    pub fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let collector =
            Self { address, manners: Arc::new(Mutex::new(manners)), received: Arc::default() };
        let own = collector.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let collector = own.clone();
                std::thread::spawn(move || drop(collector.serve(client)));
            }
        });
        collector
    }

    /// Where it listens.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it answers like this.
    pub fn set(&self, manners: Manners) {
        *self.manners.lock().unwrap_or_else(PoisonError::into_inner) = manners;
    }

    /// What came and was taken.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The spans that came and were taken.
    #[must_use]
    pub fn spans(&self) -> Vec<Value> {
        let received = self.received();
        let lists = received
            .iter()
            .filter_map(|it| it.body.pointer("/resourceSpans/0/scopeSpans/0/spans")?.as_array());
        lists.flatten().cloned().collect()
    }

    /// Waits for so many spans.
    ///
    /// # Panics
    /// If they don't come within a minute.
    pub async fn wait(&self, count: usize) -> Vec<Value> {
        let began = Instant::now();
        loop {
            let spans = self.spans();
            if spans.len() >= count {
                return spans;
            }
            let late = began.elapsed() > Duration::from_secs(60);
            assert!(!late, "{} of {count} spans: {spans:#?}", spans.len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Requests of one connection.
    fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        let mut all = Vec::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let Some(end) = all.windows(4).position(|four| four == b"\r\n\r\n") else {
                match client.read(&mut buffer)? {
                    0 => return Ok(()),
                    count => all.extend_from_slice(&buffer[..count]),
                }
                continue;
            };
            let head = String::from_utf8_lossy(&all[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.and_then(|it| it.trim().parse().ok()).unwrap_or(0);
            let mut body = all.split_off(end + 4);
            while body.len() < length {
                match client.read(&mut buffer)? {
                    0 => return Ok(()),
                    count => body.extend_from_slice(&buffer[..count]),
                }
            }
            all = body.split_off(length);
            let manners = *self.manners.lock().unwrap_or_else(PoisonError::into_inner);
            let status = match manners {
                Manners::Silent => continue,
                Manners::Refusing(status) => format!("{status} No"),
                Manners::Good => {
                    let body = serde_json::from_slice(&body).unwrap_or_default();
                    let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
                    received.push(Received { head, body });
                    "200 OK".into()
                }
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
            );
            client.write_all(answer.as_bytes())?;
        }
    }
}
