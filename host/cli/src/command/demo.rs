//! `turnout demo`: Turnout at work between two throw-away databases.

mod files;
mod first_write;
mod invitation;

use anyhow::Result;
use tokio::net::TcpListener;
use turnout_cluster::{Cluster, Options, dataset};

use crate::arguments::Demo;
use crate::command::serve::{self, Service};
use crate::config::Config;
use files::Files;
use invitation::{Invitation, step};

/// Runs until the user stops it. Then the databases and the files are removed.
pub(crate) fn run(arguments: &Demo) -> Result<()> {
    super::runtime()?.block_on(async {
        let mut stop = serve::stopped()?;
        let stage = tokio::select! {
            stage = Stage::set(arguments) => stage?,
            () = &mut stop => return Ok(()),
        };
        // The environment may name the user's own deployment, which the demo must never touch.
        let config = Config::load_with(&stage.files.config(), &|_| None)?;
        config.log.start();
        step("installing Turnout on both");
        super::install::both(&config).await?;
        step("starting the host");
        let service = Service::start(&config, stage.listener).await?;
        let invitation = Invitation::new(&stage.files, &config);
        invitation.show();
        if arguments.json {
            invitation.print()?;
        }
        tokio::spawn(first_write::show(invitation.api.clone(), invitation.api_key.clone()));
        service.run(stop).await;
        step("stopping both databases");
        let (mut old, mut new) = stage.databases;
        tokio::try_join!(old.stop(), new.stop())?;
        Ok(())
    })
}

/// The databases, the listener and the files of the demo's host.
struct Stage {
    databases: (Cluster, Cluster),
    listener: TcpListener,
    files: Files,
}

impl Stage {
    /// Starts and fills both databases, and writes the host's configuration.
    async fn set(arguments: &Demo) -> Result<Self> {
        step("starting two PostgreSQL servers: old (supabase) and new (timeweb)");
        let start = |port| {
            Cluster::start(Options {
                port,
                ..Options::default()
            })
        };
        let databases = tokio::try_join!(start(arguments.old_port), start(arguments.new_port))?;
        let (old, new) = (databases.0.url(), databases.1.url());
        step("loading 1,299 clients with their bookings into both, and 3 that tests left behind");
        tokio::try_join!(dataset::load_with_test_rows(old), dataset::load_with_test_rows(new))?;
        let listener = serve::listen(arguments.listen).await?;
        let files = Files::write(listener.local_addr()?, old, new)?;
        Ok(Self {
            databases,
            listener,
            files,
        })
    }
}
