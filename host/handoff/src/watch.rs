use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{ErrorKind, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use turnout_policies::Policies;
use turnout_supervisor::{Need, Supervisor, Task};

use crate::change::{ATTEMPTS, Changes};
use crate::learn::Learner;
use crate::obstacle::Obstacle;

/// How long the directory must be quiet before it is read: several files are often changed together, less than a millisecond
/// after each other.
const QUIET: Duration = Duration::from_millis(5);

/// How long a directory is left unread that is never quiet, or where a file is not closed: half of it may mean something else.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often the files are looked at when nothing was heard: the directory itself may have been replaced, or a file may
/// be a link to one that changes elsewhere.
const LOOK: Duration = Duration::from_secs(2);

/// What was heard of files.
enum FileEvent {
    /// They are being written.
    Begun(Vec<PathBuf>),
    /// They are as they are meant to be.
    Done(Vec<PathBuf>),
    /// Something changed.
    Other,
}

impl FileEvent {
    /// `None` if the event says of no change. Reading the files raises events, too.
    fn of(event: notify::Result<notify::Event>) -> Option<Self> {
        // An error may hide a change.
        let Ok(event) = event else { return Some(Self::Other) };
        match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Remove(_)
            | EventKind::Modify(ModifyKind::Name(_)) => Some(Self::Done(event.paths)),
            // Nobody closes a link.
            EventKind::Create(_) if event.paths.iter().any(|path| path.is_symlink()) => Some(Self::Other),
            EventKind::Create(_) | EventKind::Modify(ModifyKind::Data(_)) => Some(Self::Begun(event.paths)),
            EventKind::Access(_) if !event.need_rescan() => None,
            _ => Some(Self::Other),
        }
    }
}

/// A watch of the directory, and what is heard of it.
type Listening = (RecommendedWatcher, Receiver<FileEvent>);

/// Watches the directory of the policies.
pub(crate) struct DirectoryWatch {
    pub(crate) policies: Arc<Policies>,
    pub(crate) learner: Arc<Learner>,
    pub(crate) changes: Arc<Changes>,
    pub(crate) supervisor: Supervisor,
}

impl DirectoryWatch {
    /// Has what changes in the directory come into force, until the task is dropped. Watches the directory and not its files, since a
    /// file may be replaced by a rename or by a turned symlink.
    ///
    /// # Errors
    /// If the system refuses to watch the directory. Must be called inside a tokio runtime.
    pub(crate) fn start(self: &Arc<Self>) -> Result<Task, notify::Error> {
        let mut first = Some(self.listen()?);
        let watch = Arc::clone(self);
        let watching = move || {
            let (watch, listening) = (Arc::clone(&watch), first.take());
            async move {
                let reloaded = match listening.map_or_else(|| watch.listen(), Ok) {
                    Ok(listening) => watch.reload_on_changes(listening).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = reloaded {
                    tracing::warn!(%error, "the policy directory can't be watched");
                }
            }
        };
        Ok(self.supervisor.keep("policy-directory", Need::Optional, watching))
    }

    fn listen(&self) -> Result<Listening, notify::Error> {
        let (sender, changes) = mpsc::channel();
        let mut watcher = watcher(sender)?;
        let directory = self.policies.source.directory();
        match watcher.watch(directory, RecursiveMode::NonRecursive) {
            Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => {
                tracing::info!(
                    directory = %directory.display(),
                    "there is no policy directory; what it will hold is found by a look every {LOOK:?}"
                );
            }
            other => other?,
        }
        Ok((watcher, changes))
    }

    /// Follows the changes on a thread of its own, as reading and compiling block it. A panic of the thread becomes one of the caller;
    /// the thread ends when the caller is dropped, and the watcher with it.
    async fn reload_on_changes(self: Arc<Self>, (watcher, changes): Listening) -> Result<(), notify::Error> {
        let runtime = Handle::current();
        let (sender, ended) = oneshot::channel();
        thread::Builder::new()
            .name("policies".into())
            .spawn(move || {
                let followed = catch_unwind(AssertUnwindSafe(|| self.follow(&runtime, &changes)));
                let _ = sender.send(followed);
            })
            .map_err(notify::Error::io)?;
        if let Ok(Err(panic)) = ended.await {
            resume_unwind(panic);
        }
        drop(watcher);
        Ok(())
    }

    /// Ends when the watcher, and with it the sender of the changes, is gone.
    fn follow(&self, runtime: &Handle, changes: &Receiver<FileEvent>) {
        let stamp = || self.policies.source.stamp().ok();
        // A change between the first load and the watch would otherwise go unseen.
        let mut there = true;
        while there {
            let seen = stamp();
            self.reload(runtime);
            let unchanged = || seen.is_some() && stamp() == seen;
            there = until_changed(changes, unchanged);
            // Another file of the directory may have changed. Read again, these would take back what others brought into force.
            while there && unchanged() {
                there = until_changed(changes, unchanged);
            }
        }
    }

    /// Brings what the directory holds into force, beside what is on trial by then. A refusal is logged, counted and kept where it
    /// happens.
    fn reload(&self, runtime: &Handle) {
        let mut obstacle = Obstacle::Overtaken;
        for _ in 0..ATTEMPTS {
            // Another host may have written these files, after it brought more into force than they say: what is on trial.
            let _ = runtime.block_on(self.learner.learn());
            let base = self.policies.in_force().epoch;
            let Ok(Some(set)) = self.policies.candidate() else {
                return;
            };
            match runtime.block_on(self.changes.bring(set, Some(base), None)) {
                Ok(_) => return,
                // While the files were compiled a trial may have ended, for one.
                Err(Obstacle::Overtaken) if self.policies.in_force().epoch > base => {}
                Err(other) => {
                    obstacle = other;
                    break;
                }
            }
        }
        self.policies.refuse(&obstacle);
    }
}

fn watcher(sender: Sender<FileEvent>) -> Result<RecommendedWatcher, notify::Error> {
    notify::recommended_watcher(move |event| {
        if let Some(change) = FileEvent::of(event) {
            let _ = sender.send(change);
        }
    })
}

/// Waits until something changed and seems to be complete. False once nothing more will be heard.
fn until_changed(changes: &Receiver<FileEvent>, unchanged: impl Fn() -> bool) -> bool {
    loop {
        let first = match changes.recv_timeout(LOOK) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) if unchanged() => continue,
            Err(RecvTimeoutError::Timeout) => FileEvent::Other,
            Err(RecvTimeoutError::Disconnected) => return false,
        };
        until_quiet(first, changes);
        return true;
    }
}

/// Waits until what began with this change seems to be over.
fn until_quiet(first: FileEvent, changes: &Receiver<FileEvent>) {
    let end = Instant::now() + PATIENCE;
    let mut open = HashSet::new();
    let mut change = first;
    loop {
        match change {
            FileEvent::Begun(paths) => open.extend(paths),
            FileEvent::Done(paths) => open.retain(|path| !paths.contains(path)),
            FileEvent::Other => {}
        }
        let left = end.saturating_duration_since(Instant::now());
        let wait = if open.is_empty() { left.min(QUIET) } else { left };
        match changes.recv_timeout(wait) {
            Ok(next) if !left.is_zero() => change = next,
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
        std::fs::write(directory.path().join("dual-write.toml"), "mirror = 'off'\n").unwrap();
        let began = Instant::now();
        let writing = thread::spawn(move || {
            thread::sleep(5 * QUIET);
            file.write_all(b"stage = 'live'\n").unwrap();
        });
        until_quiet(changes.recv().unwrap(), &changes);
        assert!(began.elapsed() < PATIENCE);
        assert_eq!(std::fs::read_to_string(path).unwrap(), "[default]\nstage = 'live'\n");
        writing.join().unwrap();
    }

    #[test]
    fn a_file_that_is_never_closed_is_read_in_the_end() {
        let (_sender, changes) = mpsc::channel();
        let began = Instant::now();
        until_quiet(FileEvent::Begun(vec!["routing.toml".into()]), &changes);
        assert!(began.elapsed() >= PATIENCE);
    }
}
