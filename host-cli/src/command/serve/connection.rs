//! Connections: accepted, bounded in number and patience, and at the end let finish what they are
//! at.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::service::Service;

/// Connections at the same time; more wait in the system's queue.
const MOST: usize = 1024;
/// How long a client may take to send the head of a request, and to begin its next one.
const HEAD: Duration = Duration::from_secs(30);
/// Bytes of a request's head, and its headers.
const HEAD_BYTES: usize = 32 << 10;
const HEADERS: usize = 100;
/// How long requests may take to end once no more are accepted.
const GRACE: Duration = Duration::from_secs(30);

/// Serves until `end`, and then until what was begun is answered.
pub(super) async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    end: impl Future<Output = ()>,
) {
    let (ending, ends) = watch::channel(false);
    let mut connections = JoinSet::new();
    let free = Arc::new(Semaphore::new(MOST));
    tokio::pin!(end);
    loop {
        let accepted = async {
            let permit = Arc::clone(&free).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            () = &mut end => break,
            accepted = accepted => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(stream, Arc::clone(&service), ends.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: connections that end give some back.
                service.say(&format!("a connection could not be accepted: {error}"));
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    service.drain();
    ending.send_replace(true);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(GRACE, all).await.is_err() {
        service.say(&format!("requests were still running after {} s", GRACE.as_secs()));
    }
}

/// One connection, to its end; once the server ends, to the end of the request it is at.
async fn connection(stream: TcpStream, service: Arc<Service>, mut ends: watch::Receiver<bool>) {
    stream.set_nodelay(true).ok();
    let answer = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(service.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), answer);
    tokio::pin!(connection);
    // What goes wrong with a connection is the client's affair: it left, or spoke no HTTP.
    tokio::select! {
        _ = &mut connection => return,
        _ = ends.wait_for(|ended| *ended) => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await.ok();
}
