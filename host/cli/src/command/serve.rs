use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use turnout_api::{Host, Limits};
use turnout_supervisor::Task;

use crate::arguments::Serve;
use crate::config::Config;

/// How long the last alerts may take to be sent when the host stops, at most.
const ALERTS_SENT: Duration = Duration::from_secs(2);

/// How long it may take to keep what the host did in its last minute, at most.
const MINUTE_KEPT: Duration = Duration::from_secs(1);

/// Serves until it is stopped.
pub(crate) fn run(config: &Path, arguments: &Serve) -> Result<()> {
    let config = super::served::load(config)?;
    config.log.start();
    let runtime = super::runtime()?;
    let served = runtime.block_on(async {
        let stop = ended()?;
        let reload = signal(SignalKind::hangup()).context("cannot wait for SIGHUP")?;
        let listener = listen(arguments.listen.unwrap_or(config.listen)).await?;
        let service = Service::start(&config, listener).await?;
        service.host.pipeline().alerts.report_panics();
        let host = Arc::clone(&service.host);
        tokio::select! {
            () = service.run(stop) => {}
            () = reread(&host, reload) => {}
        }
        Ok(())
    });
    // Policies that are being compiled or examined on its threads are not waited for.
    runtime.shutdown_background();
    served
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
    limits: Limits,
    stop_timeout: Duration,
    host: Arc<Host>,
    _watching: Task,
    _listening: Vec<Task>,
}

impl Service {
    /// Loads the policies and begins to watch them.
    pub(crate) async fn start(config: &Config, listener: TcpListener) -> Result<Self> {
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let host = Arc::new(super::host(config).await?);
        let watching = host
            .pipeline()
            .handoffs
            .watch()
            .with_context(|| format!("cannot watch the policies in {}", config.policies.directory.display()))?;
        let epoch = host.pipeline().policies.in_force().epoch;
        tracing::info!(address = %listener.local_addr()?, %epoch, "serving");
        let router = turnout_api::router(Arc::clone(&host));
        let listening = host.listen();
        Ok(Self {
            listener,
            router,
            limits: config.limits,
            stop_timeout: config.stop_timeout,
            host,
            _watching: watching,
            _listening: listening,
        })
    }

    /// Serves until `stop`. Then the host says that it is not ready, lets the requests that are worked on come to their end, then a
    /// handoff that is under way, gives the leases of the mirror back and sends the last alerts: all within the stop's time.
    pub(crate) async fn run(self, stop: Stop) {
        let began = OnceLock::new();
        let stop = async {
            stop.await;
            self.host.begins_to_stop();
            began.get_or_init(Instant::now);
            tracing::info!(within = ?self.stop_timeout, "stopping");
        };
        turnout_api::serve(self.listener, self.router, self.limits, stop).await;
        let spent = began.get().map_or(Duration::ZERO, Instant::elapsed);
        let handoffs = &self.host.pipeline().handoffs;
        let left = self.stop_timeout.saturating_sub(spent);
        let for_alerts = ALERTS_SENT.min(left / 4);
        handoffs.stop(left.saturating_sub(for_alerts)).await;
        self.host.pipeline().minutes.stop(MINUTE_KEPT.min(left / 4)).await;
        self.host.pipeline().alerts.stop(for_alerts).await;
        tracing::info!("stopped");
    }
}

/// Comes when the process is asked to stop.
pub(crate) type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Waits for SIGINT, SIGTERM and SIGHUP (a closed terminal). From the call on, none ends the process by itself.
pub(crate) fn stopped() -> Result<Stop> {
    let mut hangup = signal(SignalKind::hangup()).context("cannot wait for SIGHUP")?;
    let ended = ended()?;
    Ok(Box::pin(async move {
        tokio::select! {
            () = ended => {}
            _ = hangup.recv() => {}
        }
    }))
}

/// The same for SIGINT and SIGTERM alone.
fn ended() -> Result<Stop> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    Ok(Box::pin(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }))
}

/// Reads the tables of both sides anew at each signal. Never ends.
async fn reread(host: &Host, mut signal: Signal) {
    while signal.recv().await.is_some() {
        for (backend, database) in host.pipeline().backends.iter() {
            match database.refresh_schema().await {
                Ok(_) => tracing::info!(%backend, "the schema was read anew"),
                Err(error) => tracing::warn!(%backend, %error, "the schema could not be read anew"),
            }
        }
    }
    std::future::pending::<()>().await;
}
