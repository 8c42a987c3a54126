use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::runtime::Handle;

use super::Handoffs;

/// How long the directory must be quiet before it is read: several files are often changed together.
const QUIET: Duration = Duration::from_millis(10);

/// How long a directory is left unread that is never quiet, or where a file is not closed: half of it may mean something else.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often the files are looked at when nothing was heard: the directory itself may have been replaced, or a file may
/// be a link to one that changes elsewhere.
const LOOK: Duration = Duration::from_secs(2);

/// What was heard of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    /// It is being written.
    Begun,
    /// It is as it is meant to be.
    Done,
}

impl Change {
    /// `None` if the event says of no change. Reading the files raises events, too.
    fn of(event: &notify::Result<notify::Event>) -> Option<Self> {
        match event {
            Ok(event) if !event.need_rescan() => match event.kind {
                EventKind::Create(_) | EventKind::Modify(ModifyKind::Data(_)) => Some(Self::Begun),
                EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Self::Done),
                EventKind::Access(_) => None,
                _ => Some(Self::Done),
            },
            // It may hide a change.
            _ => Some(Self::Done),
        }
    }
}

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
    let mut watcher = watcher(sender)?;
    watcher.watch(handoffs.policies.source.directory(), RecursiveMode::NonRecursive)?;
    let handoffs = Arc::clone(handoffs);
    let runtime = Handle::current();
    thread::Builder::new()
        .name("policies".into())
        .spawn(move || follow(&handoffs, &runtime, &changes))
        .map_err(notify::Error::io)?;
    Ok(Watching { _watcher: watcher })
}

fn watcher(sender: Sender<Change>) -> Result<RecommendedWatcher, notify::Error> {
    notify::recommended_watcher(move |event| {
        if let Some(change) = Change::of(&event) {
            let _ = sender.send(change);
        }
    })
}

/// Ends when the watcher, and with it the sender of the changes, is gone.
fn follow(handoffs: &Arc<Handoffs>, runtime: &Handle, changes: &Receiver<Change>) {
    let stamp = || handoffs.policies.source.stamp().ok();
    // A change between the first load and the watch would otherwise go unseen.
    let mut seen = None;
    loop {
        if seen.is_some() {
            match changes.recv_timeout(LOOK) {
                Ok(first) => until_quiet(first, changes),
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

/// Waits until what began with this change seems to be over.
fn until_quiet(first: Change, changes: &Receiver<Change>) {
    let end = Instant::now() + PATIENCE;
    let mut last = first;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let wait = if last == Change::Begun { left } else { left.min(QUIET) };
        match changes.recv_timeout(wait) {
            Ok(change) if !left.is_zero() => last = change,
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_that_is_not_closed_is_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let (sender, changes) = mpsc::channel();
        let mut watcher = watcher(sender).unwrap();
        watcher.watch(directory.path(), RecursiveMode::NonRecursive).unwrap();
        let path = directory.path().join("routing.toml");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"[default]\n").unwrap();
        let writing = thread::spawn(move || {
            thread::sleep(5 * QUIET);
            file.write_all(b"stage = 'live'\n").unwrap();
        });
        until_quiet(changes.recv().unwrap(), &changes);
        assert_eq!(std::fs::read_to_string(path).unwrap(), "[default]\nstage = 'live'\n");
        writing.join().unwrap();
    }

    #[test]
    fn a_file_that_is_never_closed_is_read_in_the_end() {
        let (_sender, changes) = mpsc::channel();
        let began = Instant::now();
        until_quiet(Change::Begun, &changes);
        assert!(began.elapsed() >= PATIENCE);
    }
}
