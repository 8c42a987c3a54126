//! The HTTP server: accepts connections, and cuts those that take more than they may.

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

/// How often it is looked which connections take too long.
const LOOK: Duration = Duration::from_millis(50);

/// How long nothing is accepted after the system refused to.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a client has to close its half of a connection.
const CLOSING: Duration = Duration::from_secs(2);

/// How long a request that is half there when the host stops has to come.
const GRACE: Duration = Duration::from_millis(250);

/// How often it is said that there are too many connections.
const REMIND: Duration = Duration::from_mins(1);

/// Serves until `stop`. Then idle connections are cut at once, those with half a request a moment later, and requests that are
/// worked on have `limits.time` to come to their end.
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
                    "all connections are taken, and those without a whole request are cut; raise api.connections if clients are so many"
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
                tracing::warn!("some requests were still worked on and are cut");
                break;
            }
        }
    }
}

/// Serves one connection to its end; after `stopped`, to the end of its request.
async fn connection(stream: TcpStream, router: Router, pulse: Arc<Pulse>, mut stopped: watch::Receiver<()>) {
    // An answer should leave at once; a socket that refuses only waits longer.
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Watched::new(Explained::new(stream), Arc::clone(&pulse)));
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| answer(request, router.clone(), Arc::clone(&pulse)));
    let mut served = pin!(http1::Builder::new().serve_connection(io, service));
    tokio::select! {
        // A connection that breaks harms its client alone, who knows.
        _ = served.as_mut() => return,
        _ = stopped.changed() => served.as_mut().graceful_shutdown(),
    }
    let _ = served.await;
}

/// Answers one request, once the answer before is written: a client that sends requests and reads no answers is not worked for.
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
