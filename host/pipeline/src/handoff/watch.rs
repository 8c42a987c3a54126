use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use tokio::runtime::Handle;

use super::Handoffs;

/// How long the directory must be quiet before it is read: a copy tool writes a file in several steps.
const QUIET: Duration = Duration::from_millis(10);

/// How long a directory that is never quiet is left unread.
const PATIENCE: Duration = Duration::from_millis(100);

/// How often the files are looked at when nothing was heard: the directory itself may have been replaced, or a file may
/// be a link to one that changes elsewhere.
const LOOK: Duration = Duration::from_secs(2);

/// Reloads policies when their directory changes, until it is dropped.
pub struct Watching {
    _watcher: RecommendedWatcher,
}

/// Watches the directory of the policies, and has what changes there come into force: the directory and not its files, since a file may be replaced by a rename
/// or by a turned symlink.
///
/// # Errors
/// If the system refuses to watch the directory. Must be called inside a tokio runtime.
pub fn watch(handoffs: &Arc<Handoffs>) -> Result<Watching, notify::Error> {
    let (sender, changes) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading the files raises events too; only what may have changed them counts. An error may hide a change.
        if event.map_or(true, |event| {
            !matches!(event.kind, EventKind::Access(_)) || event.need_rescan()
        }) {
            let _ = sender.send(());
        }
    })?;
    watcher.watch(handoffs.policies.source.directory(), RecursiveMode::NonRecursive)?;
    let handoffs = Arc::clone(handoffs);
    let runtime = Handle::current();
    thread::Builder::new()
        .name("policies".into())
        .spawn(move || follow(&handoffs, &runtime, &changes))
        .map_err(notify::Error::io)?;
    Ok(Watching { _watcher: watcher })
}

/// Ends when the watcher, and with it the sender of the changes, is gone.
fn follow(handoffs: &Arc<Handoffs>, runtime: &Handle, changes: &mpsc::Receiver<()>) {
    let stamp = || handoffs.policies.source.stamp().ok();
    // A change between the first load and the watch would otherwise go unseen.
    let mut seen = None;
    loop {
        if seen.is_some() {
            match changes.recv_timeout(LOOK) {
                Ok(()) => {
                    let began = Instant::now();
                    while began.elapsed() < PATIENCE && changes.recv_timeout(QUIET).is_ok() {}
                }
                Err(RecvTimeoutError::Timeout) if stamp() == seen => continue,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        seen = stamp();
        // Another host may have written these files, after it brought more into force than they say: what is on trial.
        let _ = runtime.block_on(handoffs.learn());
        // A refusal is logged, counted and kept where it happens.
        if let Ok(Some(set)) = handoffs.policies.candidate() {
            let _ = runtime.block_on(handoffs.propose(set));
        }
    }
}
