//! The HTTP server: accepts connections, and cuts those that exceed their time limits.

mod arriving;
mod connections;
mod explained;
mod pulse;
mod watched;

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use http::Request;
use http::header::{CONNECTION, HeaderValue};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use crate::Limits;
use arriving::Arriving;
use connections::Connections;
use explained::Explained;
use pulse::{Bounds, Phase, Pulse};
use watched::Watched;

/// How often the server looks for connections that exceed their time limits.
const LOOK: Duration = Duration::from_millis(50);

/// How long the server accepts nothing after the operating system refused a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a client has to close its half of a connection after the host closed its own.
const CLOSING: Duration = Duration::from_secs(2);

/// How long a connection has to begin a request when the host stops, as its client may be sending one, and how long a request that has
/// begun has to come.
const GRACE: Duration = Duration::from_millis(250);

/// How often the log says that all connections are taken.
const REMIND: Duration = Duration::from_mins(1);

/// Serves until `stop`. Then nothing more is accepted, connections that are idle or have half a request are cut a moment later, every
/// answer is the last of its connection, and requests that are worked on have `limits.draining` to come to their end.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: impl Future<Output = ()>) {
    let bounds = Bounds {
        idle: limits.idle,
        head: limits.time,
        body: None,
        writing: limits.time,
        closing: CLOSING,
    };
    let stopping = Arc::new(AtomicBool::new(false));
    let mut connections = Connections::new(limits.connections);
    let begin = |connections: &mut Connections, stream| {
        let pulse = Arc::new(Pulse::new());
        let served = connection(stream, router.clone(), Arc::clone(&pulse), Arc::clone(&stopping));
        connections.add(pulse, served);
    };
    let mut newcomer = None;
    let mut warned = None;
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stop = pin!(stop);
    loop {
        if newcomer.is_some() && !connections.have_room() {
            connections.make_room();
            if warned.is_none_or(|warned: Instant| warned.elapsed() > REMIND) {
                warned = Some(Instant::now());
                let most = limits.connections;
                tracing::warn!(
                    most,
                    "all connections are taken, those without a whole request are cut; if so many clients are real, raise api.connections"
                );
            }
        } else if let Some(stream) = newcomer.take() {
            begin(&mut connections, stream);
        }
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept(), if newcomer.is_none() => match accepted {
                Ok((stream, _)) => newcomer = Some(stream),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(PAUSE).await;
                }
            },
            () = connections.one_closed() => {}
            _ = look.tick() => connections.cut_overdue(&bounds),
        }
    }
    // Clients that are connected already may be sending a request. Tokio may not know of them yet.
    if let Ok(listener) = listener.into_std() {
        let mut arrived = newcomer.or_else(|| accept_now(&listener));
        while let Some(stream) = arrived.take_if(|_| connections.have_room()) {
            begin(&mut connections, stream);
            arrived = accept_now(&listener);
        }
    }
    stopping.store(true, Ordering::Relaxed);
    let last_bounds = Bounds {
        idle: Duration::ZERO,
        head: GRACE,
        body: Some(GRACE),
        closing: GRACE,
        ..bounds
    };
    let stopped = Instant::now();
    let end = stopped + limits.draining;
    while !connections.are_gone() {
        let bounds = if stopped.elapsed() < GRACE {
            &bounds
        } else {
            &last_bounds
        };
        tokio::select! {
            () = connections.one_closed() => {}
            _ = look.tick() => connections.cut_overdue(bounds),
            () = sleep_until(end) => {
                tracing::warn!("the host stops, and cuts requests that did not end in time; if they need longer, raise api.stop_timeout or api.request_timeout");
                break;
            }
        }
    }
}

/// The next connection of the accept queue, if there is one.
fn accept_now(listener: &std::net::TcpListener) -> Option<TcpStream> {
    let (stream, _) = listener.accept().ok()?;
    stream.set_nonblocking(true).ok()?;
    TcpStream::from_std(stream).ok()
}

/// Serves one connection to its end. While the host stops, the connection ends with its request. Hyper's graceful shutdown is not used:
/// it closes a connection whose request has arrived and was not read yet.
async fn connection(stream: TcpStream, router: Router, pulse: Arc<Pulse>, stopping: Arc<AtomicBool>) {
    // An answer should leave at once; a socket that refuses only waits longer.
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Watched::new(Explained::new(stream), Arc::clone(&pulse)));
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| answer(request, router.clone(), Arc::clone(&pulse), Arc::clone(&stopping)));
    // A broken connection harms its client alone, and the client notices.
    let _ = http1::Builder::new().serve_connection(io, service).await;
}

/// Answers one request once the answer before it is written. So the host does no work for a client that reads no answers.
async fn answer(
    request: Request<Incoming>,
    router: TowerToHyperService<Router>,
    pulse: Arc<Pulse>,
    stopping: Arc<AtomicBool>,
) -> Result<Response, Infallible> {
    poll_fn(|context| pulse.poll_free(context)).await;
    let request = request.map(|body| Arriving::new(body, Arc::clone(&pulse)));
    let mut response = router.call(request).await;
    if stopping.load(Ordering::Relaxed)
        && let Ok(response) = &mut response
    {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    pulse.enter(Phase::Answer);
    response
}
