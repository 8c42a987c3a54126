use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use turnout_api::Explained;
use turnout_pipeline::{Handoffs, Watching};

use crate::arguments::Serve;
use crate::config::Config;

/// Serves until it is stopped.
pub(crate) fn run(config: &Path, arguments: &Serve) -> Result<()> {
    let config = Config::load(config)?;
    config.log.start();
    super::runtime()?.block_on(async {
        let stop = stopped()?;
        let listener = listen(arguments.listen.unwrap_or(config.listen)).await?;
        Service::start(&config, listener).await?.run(stop).await
    })
}

/// Takes an address to serve at.
pub(crate) async fn listen(address: std::net::SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; free the port or name another address with --listen"))
}

/// A host that is ready to serve.
pub(crate) struct Service {
    listener: TcpListener,
    router: Router,
    patience: Duration,
    handoffs: Arc<Handoffs>,
    _watching: Watching,
}

impl Service {
    /// Loads the policies and begins to watch them.
    pub(crate) async fn start(config: &Config, listener: TcpListener) -> Result<Self> {
        let host = Arc::new(super::host(config).await?);
        let watching = turnout_pipeline::watch(&host.pipeline().handoffs)
            .with_context(|| format!("cannot watch the policies in {}", config.policies.directory.display()))?;
        let epoch = host.pipeline().policies.in_force().epoch;
        tracing::info!(address = %listener.local_addr()?, %epoch, "serving");
        let handoffs = Arc::clone(&host.pipeline().handoffs);
        let router = turnout_api::router(host);
        Ok(Self {
            listener,
            router,
            patience: config.limits.time,
            handoffs,
            _watching: watching,
        })
    }

    /// Serves until `stop`, then lets the requests that have begun come to their end, for as long as one may take, and a handoff
    /// that is under way.
    pub(crate) async fn run(self, stop: Stop) -> Result<()> {
        let listener = Explained(self.listener.tap_io(|connection| {
            // An answer should leave at once; a socket that refuses only waits longer.
            let _ = connection.set_nodelay(true);
        }));
        let stopping = Arc::new(Notify::new());
        let begin = Arc::clone(&stopping);
        let serving = axum::serve(listener, self.router).with_graceful_shutdown(async move { begin.notified().await });
        let handoffs = self.handoffs;
        let served = tokio::select! {
            served = serving => served.context("the API stopped serving"),
            () = async {
                stop.await;
                stopping.notify_one();
                tokio::time::sleep(self.patience).await;
            } => {
                tracing::warn!("some connections were still open and are cut");
                Ok(())
            }
        };
        handoffs.stop().await;
        served
    }
}

/// Comes when the process is asked to stop.
pub(crate) type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Waits for SIGINT, SIGTERM and SIGHUP (a closed terminal). From the call on, none ends the process by itself.
pub(crate) fn stopped() -> Result<Stop> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut hangup = signal(SignalKind::hangup()).context("cannot wait for SIGHUP")?;
    Ok(Box::pin(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }))
}
