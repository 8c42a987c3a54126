use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// What a [`Proxy`] does with the bytes that pass through it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Traffic {
    /// The bytes pass.
    #[default]
    Flows,
    /// Each chunk passes after this delay.
    Slow(Duration),
    /// The bytes wait, and pass when the traffic flows again. Connections stay open.
    Stalls,
    /// Every open connection ends, and so does each new one.
    Cut,
}

/// A TCP proxy in front of one address, on one port for its whole life. Tests tell it to cut, stall or slow the traffic.
pub struct Proxy {
    address: SocketAddr,
    traffic: watch::Sender<Traffic>,
    listening: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy on a free port of the loopback interface. The proxy connects to `upstream` for each client.
    ///
    /// # Errors
    /// If there is no free port.
    pub async fn start(upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        crate::own::note(address.port());
        let (traffic, told) = watch::channel(Traffic::default());
        let listening = tokio::spawn(listen(listener, upstream, told));
        Ok(Self {
            address,
            traffic,
            listening,
        })
    }

    /// The address of the proxy.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets what happens to the traffic of all connections from now on.
    pub fn set(&self, traffic: Traffic) {
        self.traffic.send_replace(traffic);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, upstream: SocketAddr, traffic: watch::Receiver<Traffic>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.spawn(connect(client, upstream, traffic.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// Serves one connection until either end closes it or the traffic is cut.
async fn connect(client: TcpStream, upstream: SocketAddr, mut traffic: watch::Receiver<Traffic>) {
    let (to_upstream, to_client) = (traffic.clone(), traffic.clone());
    let both = async {
        let server = TcpStream::connect(upstream).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let ((from_client, into_client), (from_server, into_server)) = (client.into_split(), server.into_split());
        tokio::try_join!(
            pump(from_client, into_server, to_upstream),
            pump(from_server, into_client, to_client)
        )
    };
    tokio::select! {
        // Both ends see how a connection ends, so errors need no report.
        _ = both => {}
        _ = traffic.wait_for(|traffic| *traffic == Traffic::Cut) => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut into: OwnedWriteHalf,
    mut traffic: watch::Receiver<Traffic>,
) -> io::Result<()> {
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut chunk).await?;
        pass(&mut traffic).await;
        if read == 0 {
            return into.shutdown().await;
        }
        into.write_all(&chunk[..read]).await?;
    }
}

/// Waits until a chunk may pass.
async fn pass(traffic: &mut watch::Receiver<Traffic>) {
    let passing = traffic.wait_for(|traffic| matches!(traffic, Traffic::Flows | Traffic::Slow(_)));
    // An error means that the proxy was dropped: the connection ends.
    let delay = match passing.await.as_deref() {
        Ok(Traffic::Slow(delay)) => *delay,
        _ => return,
    };
    tokio::time::sleep(delay).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(100);

    /// Starts a server that sends back what it receives.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (from, into) = stream.into_split();
                let (_flowing, traffic) = watch::channel(Traffic::Flows);
                tokio::spawn(async move { pump(from, into, traffic).await });
            }
        });
        address
    }

    #[tokio::test]
    async fn what_is_stalled_arrives_later_and_what_is_cut_never() {
        let proxy = Proxy::start(echo().await).await.unwrap();
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        let mut answer = [0; 2];
        client.write_all(b"hi").await.unwrap();
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"hi");

        proxy.set(Traffic::Stalls);
        client.write_all(b"ho").await.unwrap();
        assert!(
            tokio::time::timeout(SOON, client.read_exact(&mut answer))
                .await
                .is_err()
        );
        proxy.set(Traffic::Slow(SOON));
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"ho");

        proxy.set(Traffic::Cut);
        assert_eq!(client.read(&mut answer).await.unwrap_or(0), 0, "the connection ends");
        let mut refused = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(refused.read(&mut answer).await.unwrap_or(0), 0, "so does a new one");

        proxy.set(Traffic::Flows);
        let mut again = TcpStream::connect(proxy.address()).await.unwrap();
        again.write_all(b"he").await.unwrap();
        again.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"he");
    }
}
