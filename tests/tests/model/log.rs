//! A server whose commits may be seen before they are on disk.

/// A server's log: what is on disk, and what each later commit made of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Log<T>(Vec<T>);

impl<T: Copy> Log<T> {
    /// A log that is on disk.
    pub(crate) fn new(seen: T) -> Self {
        Self(vec![seen])
    }

    /// What is on disk.
    pub(crate) fn on_disk(&self) -> T {
        self.0[0]
    }

    /// What everybody sees, whether it is on disk or not.
    pub(crate) fn seen(&self) -> T {
        self.0[self.0.len() - 1]
    }

    /// Commits; a crash may lose it.
    pub(crate) fn commit(&mut self, change: impl FnOnce(&mut T)) {
        let mut seen = self.seen();
        change(&mut seen);
        self.0.push(seen);
    }

    /// Commits; it is on disk then, with everything before it.
    pub(crate) fn commit_durably(&mut self, change: impl FnOnce(&mut T)) {
        self.commit(change);
        self.flush();
    }

    /// Everything that is committed goes to disk.
    pub(crate) fn flush(&mut self) {
        self.0.drain(..self.0.len() - 1);
    }

    /// The oldest commit that is not on disk goes there; nothing if all are.
    pub(crate) fn flush_one(&mut self) -> Option<()> {
        if self.0.len() == 1 {
            return None;
        }
        self.0.remove(0);
        Some(())
    }

    /// What is not on disk is lost.
    pub(crate) fn crash(&mut self) {
        self.0.truncate(1);
    }
}
