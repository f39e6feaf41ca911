//! A proxy that makes trouble between a client and a server: answers that break off, that are slow, changed or
//! old, and refusals.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

/// Answers of fewer bytes can be old ones.
const SMALL: usize = 64 << 10;
/// The pieces of a slow answer, in bytes, and the pause between two.
const PIECE: usize = 16 << 10;
const PAUSE: Duration = Duration::from_millis(2);
/// The pause between two bytes of an answer that trickles.
const LONG_PAUSE: Duration = Duration::from_millis(50);

/// A head and a body.
type Answer = (Vec<u8>, Vec<u8>);

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Of a body, half arrives, and then the connection ends; what arrives is never less than this.
    Cut(usize),
    /// Every second request is refused with this status.
    Refuse(u16),
    /// In a body of at least so many bytes one is changed.
    Corrupt(usize),
    /// A body of at least so many bytes is shorter, and its headers say so.
    Truncate(usize),
    /// The halves of a body of at least so many bytes come in the other order.
    Reorder(usize),
    /// A body comes in small pieces, with a pause after each.
    Slow,
    /// What is asked for again is answered as it was the first time.
    Stale,
    /// KMS refuses with this status and error.
    RefuseKms(u16, &'static str),
    /// Nothing is answered, and the connection ends.
    Down,
    /// Nothing is answered, and the connection stays.
    Hang,
    /// A body comes byte by byte, each a while after the other.
    Trickle,
    /// The next request is refused with this status, and no other.
    Once(u16),
    /// Every request is refused with this status.
    RefuseAll(u16),
    /// Every request is answered with this, as if all were well; the server gets none.
    Answer(&'static str),
    /// Of a batch that SQS, Kinesis or EventBridge should take, each entry is refused.
    RefuseEntries,
}

/// A page that a proxy of somebody else may answer with.
pub const PAGE: Fault = Fault::Answer("<html><body>Welcome to the network</body></html>");
/// JSON that says nothing.
pub const NOTHING: Fault = Fault::Answer("{}");

/// The proxy; ends with the process.
#[derive(Clone, Debug)]
pub struct Proxy {
    address: SocketAddr,
    /// What goes wrong, and how the first line of a request begins that it is for.
    fault: Arc<Mutex<(Fault, &'static str)>>,
    requests: Arc<AtomicUsize>,
    /// The first answer to each request for a small object, by its first line.
    firsts: Arc<Mutex<BTreeMap<Vec<u8>, Answer>>>,
}

impl Proxy {
    /// Listens for requests to `server`, such as `http://127.0.0.1:5000`.
    ///
    /// # Panics
    /// If there is no port.
    #[must_use]
    pub fn start(server: &str) -> Self {
        let server = server.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let fault = Arc::new(Mutex::new((Fault::None, "")));
        let proxy = Self { address, fault, requests: Arc::default(), firsts: Arc::default() };
        let own = proxy.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (proxy, server) = (own.clone(), server.clone());
                std::thread::spawn(move || drop(proxy.serve(client, &server)));
            }
        });
        proxy
    }

    /// Where it listens.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on this goes wrong.
    pub fn set(&self, fault: Fault) {
        self.set_for("", fault);
    }

    /// From now on this goes wrong with requests that begin so, as in `PUT /bucket`.
    pub fn set_for(&self, request: &'static str, fault: Fault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = (fault, request);
    }

    /// What goes wrong with this request.
    fn fault_of(&self, head: &[u8]) -> Fault {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        if !head.starts_with(fault.1.as_bytes()) {
            return Fault::None;
        }
        let now = fault.0;
        if matches!(now, Fault::Once(_)) {
            fault.0 = Fault::None;
        }
        now
    }

    /// How many requests came.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// One request a connection.
    fn serve(&self, mut client: TcpStream, server: &str) -> std::io::Result<()> {
        let Some((head, body)) = message(&mut client, false)? else { return Ok(()) };
        let count = self.requests.fetch_add(1, Ordering::SeqCst);
        let fault = self.fault_of(&head);
        match fault {
            Fault::Hang => {
                // Until the client has enough of it.
                let mut more = [0; 1024];
                while client.read(&mut more)? > 0 {}
                return Ok(());
            }
            Fault::Once(status) | Fault::RefuseAll(status) => {
                let text = format!(
                    "HTTP/1.1 {status} Slow Down\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
                return client.write_all(text.as_bytes());
            }
            Fault::Answer(body) => return answer(&mut client, body),
            Fault::RefuseEntries => return answer(&mut client, &refused_entries(&head, &body)),
            Fault::Down => return client.shutdown(Shutdown::Both),
            Fault::Refuse(status) if count.is_multiple_of(2) => {
                let text = format!(
                    "HTTP/1.1 {status} Slow Down\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
                return client.write_all(text.as_bytes());
            }
            Fault::RefuseKms(status, name) if is_for_kms(&head) => {
                let body = format!("{{\"__type\":\"{name}\",\"message\":\"no\"}}");
                let length = body.len();
                let text = format!(
                    "HTTP/1.1 {status} No\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                return client.write_all(text.as_bytes());
            }
            _ => {}
        }
        let mut upstream = TcpStream::connect(server)?;
        upstream.write_all(&closing(&head))?;
        upstream.write_all(&body)?;
        let bodiless = head.starts_with(b"HEAD ");
        let Some((mut answer, mut body)) = message(&mut upstream, bodiless)? else { return Ok(()) };
        if head.starts_with(b"GET ") && body.len() < SMALL {
            let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default().to_vec();
            let mut firsts = self.firsts.lock().unwrap_or_else(PoisonError::into_inner);
            let first = firsts.entry(line).or_insert_with(|| (answer.clone(), body.clone()));
            if fault == Fault::Stale {
                (answer, body) = first.clone();
            }
        }
        let mut head = closing(&answer);
        match fault {
            Fault::Cut(least) if body.len() > least => body.truncate((body.len() / 2).max(least)),
            Fault::Corrupt(least) if body.len() >= least => {
                let middle = body.len() / 2;
                if let Some(byte) = body.get_mut(middle) {
                    *byte ^= 1;
                }
            }
            Fault::Reorder(least) if body.len() >= least => {
                let half = body.len() / 2;
                body.rotate_left(half);
            }
            Fault::Truncate(least) if body.len() >= least => {
                let (whole, short) = (body.len(), body.len() - 1);
                body.truncate(short);
                let text = String::from_utf8_lossy(&head).to_lowercase();
                let text = text.replace(
                    &format!("content-length: {whole}\r\n"),
                    &format!("content-length: {short}\r\n"),
                );
                let text = text.replace(
                    &format!("content-range: bytes 0-{}/{whole}\r\n", whole - 1),
                    &format!("content-range: bytes 0-{}/{short}\r\n", short.saturating_sub(1)),
                );
                head = text.replacen("http/", "HTTP/", 1).into_bytes();
            }
            _ => {}
        }
        client.write_all(&head)?;
        let (piece, pause) = match fault {
            Fault::Slow => (PIECE, PAUSE),
            Fault::Trickle => (1, LONG_PAUSE),
            _ => (body.len().max(1), PAUSE),
        };
        for (place, piece) in body.chunks(piece).enumerate() {
            if place > 0 {
                std::thread::sleep(pause);
            }
            client.write_all(piece)?;
        }
        client.shutdown(Shutdown::Both)
    }
}

fn answer(client: &mut TcpStream, body: &str) -> std::io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    client.write_all((head + body).as_bytes())
}

/// What a service answers that refuses each entry of a batch.
fn refused_entries(head: &[u8], body: &[u8]) -> String {
    let head = String::from_utf8_lossy(head).to_lowercase();
    let call: Value = serde_json::from_slice(body).unwrap_or_default();
    let count = |list: &str| call[list].as_array().map_or(0, Vec::len);
    let refused = |count: usize| {
        let entry = json!({"ErrorCode": "InternalFailure", "ErrorMessage": "no"});
        vec![entry; count]
    };
    let answer = if head.contains("amazonsqs.") {
        let entries = (0..count("Entries")).map(|place| {
            let id = &call["Entries"][place]["Id"];
            json!({"Id": id, "Code": "InternalError", "SenderFault": false})
        });
        json!({"Successful": [], "Failed": entries.collect::<Vec<_>>()})
    } else if head.contains("kinesis_") {
        json!({"FailedRecordCount": count("Records"), "Records": refused(count("Records"))})
    } else {
        json!({"FailedEntryCount": count("Entries"), "Entries": refused(count("Entries"))})
    };
    answer.to_string()
}

/// Whether a request is one of KMS.
fn is_for_kms(head: &[u8]) -> bool {
    String::from_utf8_lossy(head).to_lowercase().contains("x-amz-target: trentservice.")
}

/// A head with its empty line, and the body that it announces.
fn message(stream: &mut TcpStream, bodiless: bool) -> std::io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut all = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    let end = loop {
        if let Some(at) = all.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        match stream.read(&mut buffer)? {
            0 => return Ok(None),
            count => all.extend_from_slice(&buffer[..count]),
        }
    };
    let mut body = all.split_off(end);
    let text = String::from_utf8_lossy(&all).to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = match length {
        Some(length) if !bodiless => length.trim().parse().unwrap_or(0),
        _ => 0,
    };
    while body.len() < length {
        match stream.read(&mut buffer)? {
            0 => break,
            count => body.extend_from_slice(&buffer[..count]),
        }
    }
    Ok(Some((all, body)))
}

/// The same head, for a connection that ends with it.
fn closing(head: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(head);
    let mut lines: Vec<_> = text
        .trim_end()
        .split("\r\n")
        .filter(|line| !line.to_lowercase().starts_with("connection:"))
        .collect();
    lines.push("connection: close");
    (lines.join("\r\n") + "\r\n\r\n").into_bytes()
}
