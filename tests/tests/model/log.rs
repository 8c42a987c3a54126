//! A server whose commits can be seen before they are on disk.

/// A server's log: the state on disk, and the state after each later commit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Log<T>(Vec<T>);

impl<T: Copy> Log<T> {
    /// A log whose state is on disk.
    pub(crate) fn new(seen: T) -> Self {
        Self(vec![seen])
    }

    /// The state on disk.
    pub(crate) fn on_disk(&self) -> T {
        self.0[0]
    }

    /// The state that sessions see, whether it is on disk or not.
    pub(crate) fn seen(&self) -> T {
        self.0[self.0.len() - 1]
    }

    /// Commits a change, which a crash may lose.
    pub(crate) fn commit(&mut self, change: impl FnOnce(&mut T)) {
        let mut seen = self.seen();
        change(&mut seen);
        self.0.push(seen);
    }

    /// Commits a change. The change and everything before it are on disk then.
    pub(crate) fn commit_durably(&mut self, change: impl FnOnce(&mut T)) {
        self.commit(change);
        self.flush();
    }

    /// Brings all commits to disk.
    pub(crate) fn flush(&mut self) {
        self.0.drain(..self.0.len() - 1);
    }

    /// Brings the oldest commit that is not on disk there; `None` if all are on disk.
    pub(crate) fn flush_one(&mut self) -> Option<()> {
        if self.0.len() == 1 {
            return None;
        }
        self.0.remove(0);
        Some(())
    }

    /// Loses what is not on disk.
    pub(crate) fn crash(&mut self) {
        self.0.truncate(1);
    }
}
