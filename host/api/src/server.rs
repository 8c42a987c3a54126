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
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
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

/// How long a request that has half arrived when the host stops has to arrive.
const GRACE: Duration = Duration::from_millis(250);

/// How often the log says that all connections are taken.
const REMIND: Duration = Duration::from_mins(1);

/// Serves until `stop`. Then idle connections are cut at once, and connections with half a request a moment later. Requests that the
/// host works on have `limits.time` to end.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: impl Future<Output = ()>) {
    let mut bounds = Bounds {
        idle: limits.idle,
        head: limits.time,
        body: None,
        writing: limits.time,
        closing: CLOSING,
    };
    let (stopping, stopped) = watch::channel(());
    let mut connections = Connections::new(limits.connections);
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
            let pulse = Arc::new(Pulse::new());
            let served = connection(stream, router.clone(), Arc::clone(&pulse), stopped.clone());
            connections.add(pulse, served);
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
    drop((listener, newcomer));
    stopping.send_replace(());
    bounds = Bounds {
        idle: Duration::ZERO,
        head: GRACE,
        body: Some(GRACE),
        closing: GRACE,
        ..bounds
    };
    let end = Instant::now() + limits.time;
    while !connections.are_gone() {
        tokio::select! {
            () = connections.one_closed() => {}
            _ = look.tick() => connections.cut_overdue(&bounds),
            () = sleep_until(end) => {
                tracing::warn!("the host stops, and cuts requests that did not end within api.request_timeout");
                break;
            }
        }
    }
}

/// Serves one connection to its end. After `stopped` it ends with the request that is under way.
async fn connection(stream: TcpStream, router: Router, pulse: Arc<Pulse>, mut stopped: watch::Receiver<()>) {
    // An answer should leave at once. On a socket that refuses the option answers are later and not wrong.
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Watched::new(Explained::new(stream), Arc::clone(&pulse)));
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| answer(request, router.clone(), Arc::clone(&pulse)));
    let mut served = pin!(http1::Builder::new().serve_connection(io, service));
    tokio::select! {
        // A broken connection harms its client alone, and the client notices.
        _ = served.as_mut() => return,
        _ = stopped.changed() => served.as_mut().graceful_shutdown(),
    }
    let _ = served.await;
}

/// Answers one request once the answer before it is written. So the host does no work for a client that reads no answers.
async fn answer(
    request: Request<Incoming>,
    router: TowerToHyperService<Router>,
    pulse: Arc<Pulse>,
) -> Result<Response, Infallible> {
    poll_fn(|context| pulse.poll_free(context)).await;
    let request = request.map(|body| Arriving::new(body, Arc::clone(&pulse)));
    let response = router.call(request).await;
    pulse.enter(Phase::Answer);
    response
}
