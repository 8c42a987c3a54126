//! Makes and starts a cluster.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;

use super::{Cluster, Options};
use crate::account::Account;
use crate::folder::Folder;
use crate::{ClusterError, binaries};

/// How many ports are tried if other programs take the free port between finding and using it.
const PORTS_TRIED: usize = 5;

impl Cluster {
    /// Makes a new cluster and starts its server. Returns once the server accepts clients.
    ///
    /// # Errors
    /// [`ClusterError`] says what is missing or what failed. Nothing is left behind then.
    pub async fn start(options: Options) -> Result<Self, ClusterError> {
        let mut binaries = match &options.binaries {
            Some(folder) if binaries::complete(folder) => folder.clone(),
            Some(folder) => return Err(ClusterError::NotThere { folder: folder.clone() }),
            None => binaries::find().ok_or(ClusterError::Missing)?,
        };
        let account = Account::choose()?;
        let folder = Folder::create(&account)?;
        if !account.reaches(&binaries) {
            binaries = folder.copy_of(&binaries)?;
        }
        let password = random_word().map_err(ClusterError::system("read /dev/urandom"))?;
        let mut cluster = Self {
            options,
            binaries,
            account,
            password,
            port: 0,
            url: String::new(),
            server: None,
            folder,
        };
        cluster.initdb().await?;
        for _ in 1..PORTS_TRIED {
            cluster.take_port()?;
            match cluster.launch().await {
                Err(ClusterError::Ended { log, .. }) if log.contains("Address already in use") => {}
                result => return result.map(|()| cluster),
            }
        }
        cluster.take_port()?;
        cluster.launch().await.map(|()| cluster)
    }

    async fn initdb(&mut self) -> Result<(), ClusterError> {
        let secret = self.folder.path().join("password");
        fs::write(&secret, &self.password)
            .and_then(|()| self.account.own(&secret))
            .map_err(ClusterError::system("write the password for initdb"))?;
        let mut command = self.command("initdb");
        command
            .args([
                "--username=postgres",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ])
            .arg("--pwfile")
            .arg(&secret)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let process = tokio::process::Command::from(command)
            .process_group(0)
            .spawn()
            .map_err(ClusterError::system("start initdb"))?;
        self.folder.inhabited_by(process.id());
        let output = process
            .wait_with_output()
            .await
            .map_err(ClusterError::system("wait for initdb"))?;
        self.folder.inhabited_by(None);
        if output.status.success() {
            Ok(())
        } else {
            Err(ClusterError::Initdb {
                output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            })
        }
    }

    fn take_port(&mut self) -> Result<(), ClusterError> {
        self.port = match self.options.port {
            Some(port) => port,
            None => TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .and_then(|listener| listener.local_addr())
                .map_err(ClusterError::system("find a free port"))?
                .port(),
        };
        self.url = format!("postgres://postgres:{}@127.0.0.1:{}/postgres", self.password, self.port);
        Ok(())
    }
}

/// 128 random bits in hexadecimal.
fn random_word() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().fold(String::new(), |mut word, byte| {
        let _: std::fmt::Result = write!(word, "{byte:02x}");
        word
    }))
}
