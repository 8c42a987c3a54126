use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::{sleep, timeout};
use turnout_supervisor::{Need, Supervisor};

use crate::sink::{Client, Post, Sink};
use crate::{AlertMetrics, Raised};

/// How many messages may wait for one sink.
const WAITING: usize = 256;

/// How long a sink may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long is rested after each attempt that may go better the next time. After the last the message is given up.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// What waits to be sent to one sink.
pub(crate) struct Outbox {
    sink: &'static str,
    queue: mpsc::Sender<Raised>,
    /// How many messages wait or are being sent.
    pending: watch::Sender<usize>,
    metrics: Arc<AlertMetrics>,
}

impl Outbox {
    /// Starts the task that sends to a sink. Must be called inside a tokio runtime.
    pub(crate) fn start<S: Sink>(
        sink: S,
        client: Client,
        metrics: &Arc<AlertMetrics>,
        supervisor: &Supervisor,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        let outbox = Self {
            sink: S::NAME,
            queue,
            pending: watch::Sender::new(0),
            metrics: Arc::clone(metrics),
        };
        let courier = Arc::new(Courier {
            sink,
            client,
            waiting: Mutex::new(waiting),
            pending: outbox.pending.clone(),
            metrics: Arc::clone(metrics),
        });
        let name = format!("alerts-{}", S::NAME);
        let task = supervisor.run(&name, Need::Optional, move || Arc::clone(&courier).work());
        task.detach();
        outbox
    }

    /// Has a message sent. Where too many wait, it is counted and forgotten.
    pub(crate) fn offer(&self, raised: &Raised) {
        self.pending.send_modify(|pending| *pending += 1);
        if self.queue.try_send(raised.clone()).is_err() {
            self.pending.send_modify(|pending| *pending -= 1);
            self.metrics.unsent(self.sink, "full");
        }
    }

    /// Waits until no message waits.
    pub(crate) async fn drained(&self) {
        // The sender lives as long as this.
        let _ = self.pending.subscribe().wait_for(|pending| *pending == 0).await;
    }
}

/// Carries messages to a sink, one after the other.
struct Courier<S> {
    sink: S,
    client: Client,
    waiting: Mutex<mpsc::Receiver<Raised>>,
    pending: watch::Sender<usize>,
    metrics: Arc<AlertMetrics>,
}

impl<S: Sink> Courier<S> {
    /// Sends what comes, until the outbox is gone.
    async fn work(self: Arc<Self>) {
        let mut waiting = self.waiting.lock().await;
        let mut fails = false;
        while let Some(raised) = waiting.recv().await {
            match self.carry(self.sink.post(&raised)).await {
                Ok(()) => {
                    self.metrics.sent(S::NAME);
                    fails = false;
                }
                Err(why) => {
                    self.metrics.unsent(S::NAME, why);
                    if !fails {
                        tracing::warn!(sink = S::NAME, why, "an alert could not be sent");
                    }
                    fails = true;
                }
            }
            self.pending.send_modify(|pending| *pending -= 1);
        }
    }

    /// Sends one message, with a few attempts where the sink does not answer or has a fault of its own. Else a word for why not.
    async fn carry(&self, post: Post) -> Result<(), &'static str> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let why = match timeout(PATIENCE, self.client.request(post.clone())).await {
                Ok(Ok(answer)) if answer.status().is_success() => return Ok(()),
                Ok(Ok(answer)) if answer.status().is_server_error() => "refused",
                Ok(Ok(_)) => return Err("refused"),
                Ok(Err(_)) | Err(_) => "unreachable",
            };
            match pauses.next() {
                Some(pause) => sleep(pause).await,
                None => return Err(why),
            }
        }
    }
}
