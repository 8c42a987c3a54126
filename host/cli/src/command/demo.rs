//! The main job on two throw-away databases, for whoever wants to see it before reading on.

mod files;
mod invitation;

use std::path::Path;

use anyhow::{Result, ensure};
use tokio::net::TcpListener;
use turnout_cluster::{Cluster, Options, dataset};

use crate::arguments::Demo;
use crate::command::serve::{self, Service};
use crate::config::Config;
use files::Files;
use invitation::{Invitation, step};

/// Runs until it is stopped; the databases and the files go with it.
pub(crate) fn run(arguments: &Demo) -> Result<()> {
    let policies = arguments.policies_from.clone().map_or_else(files::built_policies, Ok)?;
    let routing = policies.join("turnout_routing.wasm");
    ensure!(
        routing.exists(),
        "there is no routing policy at {}; build it with `cargo xtask demo`, or name its folder with --policies-from",
        routing.display()
    );
    super::runtime()?.block_on(async {
        let mut stop = serve::stopped()?;
        let stage = tokio::select! {
            stage = Stage::set(arguments, &routing) => stage?,
            () = &mut stop => return Ok(()),
        };
        // The environment may name a deployment of the user's own; the demo must never touch it.
        let config = Config::load_with(&stage.files.config(), &|_| None)?;
        config.log.start();
        let service = Service::start(&config, stage.listener)?;
        let invitation = Invitation::new(&stage.files, &config);
        invitation.show();
        if arguments.json {
            invitation.print()?;
        }
        service.run(stop).await?;
        step("stopping both databases");
        let (mut old, mut new) = stage.databases;
        tokio::try_join!(old.stop(), new.stop())?;
        Ok(())
    })
}

/// What a host needs around it.
struct Stage {
    databases: (Cluster, Cluster),
    listener: TcpListener,
    files: Files,
}

impl Stage {
    /// Starts and fills both databases, and writes the configuration for them.
    async fn set(arguments: &Demo, routing: &Path) -> Result<Self> {
        step("starting two PostgreSQL servers: old (supabase) and new (timeweb)");
        let start = |port| {
            Cluster::start(Options {
                port,
                ..Options::default()
            })
        };
        let databases = tokio::try_join!(start(arguments.old_port), start(arguments.new_port))?;
        let (old, new) = (databases.0.url(), databases.1.url());
        step("putting 1,299 clients with their bookings into both");
        tokio::try_join!(dataset::load(old), dataset::load(new))?;
        step("starting the host");
        let listener = serve::listen(arguments.listen).await?;
        let files = Files::write(listener.local_addr()?, old, new, routing)?;
        Ok(Self {
            databases,
            listener,
            files,
        })
    }
}
