use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use turnout_backends::{ArchivedRow, PutBack, RowToPutBack};
use turnout_vocabulary::{Backend, Epoch, MirrorState, PerBackend, RepositoryId};

use crate::sides::Sides;
use crate::{Cleanups, Error};

/// How long is waited for the other side to follow: rows of that side may refer to those that were put back.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many rows one statement puts back at most, and how many bytes of them.
const BATCH_ROWS: usize = 100;
const BATCH_BYTES: usize = 1 << 20;

/// What became of the rows of a cleanup that was taken back.
#[derive(Default)]
pub struct Undone {
    /// How many rows were put back on each side.
    pub restored: PerBackend<u64>,
    /// How far the other side has followed; `None` for a side on which nothing was put back.
    pub mirror: PerBackend<Option<MirrorState>>,
    /// The rows that were not put back. They stay in the archive.
    pub refused: Vec<NotPutBack>,
}

/// A row that was not put back.
#[derive(Clone)]
pub struct NotPutBack {
    /// The repository.
    pub repository: String,
    /// The key as a JSON object.
    pub key: String,
    /// Why not, in words without values.
    pub reason: String,
}

/// A row of the archive that is not put back yet.
struct Kept {
    /// The side that has it in its archive.
    archive: Backend,
    /// The side that it is put back on.
    authority: Backend,
    row: ArchivedRow,
    /// Why the last attempt left it out.
    refused: Option<String>,
    /// Whether another attempt is in vain.
    is_given_up: bool,
}

impl Cleanups {
    /// Puts the rows of a cleanup back on the sides that are their authority now. This can be repeated: rows that are left out stay in the
    /// archive.
    ///
    /// # Errors
    /// [`Error::NothingKept`] if there is nothing to put back; another if a side can't be asked. What was put back by then stays.
    pub async fn undo(&self, id: &str, by: &str) -> Result<Undone, Error> {
        let in_force = self.steady()?;
        let epoch = in_force.epoch;
        let mut left = self.kept_rows(id, &Sides::new(self, in_force)).await?;
        if left.is_empty() {
            return Err(Error::NothingKept { cleanup: id.to_owned() });
        }
        self.keep_undo(id, by, epoch, left.len(), None).await?;
        let mut undone = Undone::default();
        while !left.iter().all(|kept| kept.is_given_up) {
            let before = undone.restored.old + undone.restored.new;
            for side in Backend::ALL {
                self.put_back(id, epoch, side, &mut left, &mut undone).await?;
            }
            if undone.restored.old + undone.restored.new == before {
                // What is left may refer to each other in a circle.
                for side in Backend::ALL {
                    self.put_back_together(id, epoch, side, &mut left, &mut undone).await?;
                }
                break;
            }
        }
        undone.refused = left.into_iter().map(Kept::into_refused).collect();
        let kept = self.keep_undo(id, by, epoch, undone.refused.len(), Some(&undone)).await;
        if let Err(error) = kept {
            tracing::error!(cleanup = id, %error, "rows of a cleanup were put back, and the evidence of that cannot be kept");
        }
        Ok(undone)
    }

    /// The rows of a cleanup that are in the archives of both sides.
    async fn kept_rows(&self, id: &str, sides: &Sides<'_>) -> Result<Vec<Kept>, Error> {
        let mut left = Vec::new();
        for (archive, database) in self.sides.iter() {
            if !database.schema().await?.installed {
                continue;
            }
            for row in database.archived(id, self.retention).await? {
                let Some(repository) = self.at(&row.schema, &row.table) else {
                    let refused = Some(format!("{} is no repository now", row.table));
                    left.push(Kept {
                        archive,
                        authority: archive,
                        row,
                        refused,
                        is_given_up: true,
                    });
                    continue;
                };
                let (authority, _) = sides.decision(repository, row.subject.as_deref())?;
                left.push(Kept {
                    archive,
                    authority,
                    row,
                    refused: None,
                    is_given_up: false,
                });
            }
        }
        self.give_up_taken(sides, &mut left).await?;
        Ok(left)
    }

    /// Gives rows up whose key belongs to another row on the side that is not their authority: the mirror would leave that row alone.
    async fn give_up_taken(&self, sides: &Sides<'_>, left: &mut [Kept]) -> Result<(), Error> {
        let mut mirrored: BTreeMap<(RepositoryId, Backend), Vec<&mut Kept>> = BTreeMap::new();
        for kept in left.iter_mut().filter(|kept| !kept.is_given_up) {
            let Some(repository) = self.at(&kept.row.schema, &kept.row.table) else {
                continue;
            };
            if sides.decision(repository, kept.row.subject.as_deref())?.1 {
                mirrored
                    .entry((repository.id, kept.authority.other()))
                    .or_default()
                    .push(kept);
            }
        }
        for ((id, side), rows) in mirrored {
            let repository = self.of(id);
            let there = sides
                .read(repository, side, rows.iter().map(|kept| kept.row.key.as_str()))
                .await?;
            let mut taken = HashSet::new();
            for row in there {
                if sides.decision(repository, row.subject.as_deref())?.0 == side {
                    taken.insert(row.key);
                }
            }
            for kept in rows.into_iter().filter(|kept| taken.contains(&kept.row.key)) {
                kept.refused = Some(format!("another row has its key on backend {side} now"));
                kept.is_given_up = true;
            }
        }
        Ok(())
    }

    /// Puts back what can be put back on one side. What can't stays in `left`, with the reason.
    async fn put_back(
        &self,
        id: &str,
        epoch: Epoch,
        side: Backend,
        left: &mut Vec<Kept>,
        undone: &mut Undone,
    ) -> Result<(), Error> {
        let (mut tried, rest): (Vec<Kept>, Vec<Kept>) = std::mem::take(left)
            .into_iter()
            .partition(|kept| kept.authority == side && !kept.is_given_up);
        *left = rest;
        let mut transaction = None;
        while !tried.is_empty() {
            let batch = tried.drain(..batch(&tried)).collect();
            transaction = self
                .put_back_batch(id, epoch, (side, false), batch, left, undone)
                .await?
                .or(transaction);
        }
        self.follow(side, transaction, undone).await;
        Ok(())
    }

    /// Puts back the rows of one side that are left, all or none.
    async fn put_back_together(
        &self,
        id: &str,
        epoch: Epoch,
        side: Backend,
        left: &mut Vec<Kept>,
        undone: &mut Undone,
    ) -> Result<(), Error> {
        let (tried, rest): (Vec<Kept>, Vec<Kept>) = std::mem::take(left)
            .into_iter()
            .partition(|kept| kept.authority == side && !kept.is_given_up && kept.is_refused_for_reference());
        *left = rest;
        if tried.len() < 2 {
            left.extend(tried);
            return Ok(());
        }
        let reasons: Vec<_> = tried.iter().map(|kept| kept.refused.clone()).collect();
        let first = left.len();
        let transaction = self
            .put_back_batch(id, epoch, (side, true), tried, left, undone)
            .await?;
        // The reason of each row by itself says more.
        for (kept, reason) in left.iter_mut().skip(first).zip(reasons) {
            kept.refused = reason;
        }
        self.follow(side, transaction, undone).await;
        Ok(())
    }

    /// Puts a few rows back on one side, together or each by itself. Returns the transaction if some came back.
    async fn put_back_batch(
        &self,
        id: &str,
        epoch: Epoch,
        (side, together): (Backend, bool),
        batch: Vec<Kept>,
        left: &mut Vec<Kept>,
        undone: &mut Undone,
    ) -> Result<Option<i64>, Error> {
        let rows: Vec<_> = batch.iter().map(|kept| kept.as_row(side)).collect();
        // What the archive of this side has of the cleanup is known there.
        let elsewhere = left.iter().filter(|kept| kept.archive != side);
        let missing: Vec<_> = elsewhere.map(|kept| kept.as_row(side)).collect();
        let done = self.sides[side].put_back(id, epoch, &rows, &missing, together).await?;
        let mut noted_elsewhere = Vec::new();
        let mut restored = 0;
        for (mut kept, what) in batch.into_iter().zip(done.rows) {
            match what {
                PutBack::Restored | PutBack::Present => {
                    restored += 1;
                    if kept.archive != side {
                        noted_elsewhere.push(kept.row.place);
                    }
                }
                PutBack::Refused { reason } => {
                    kept.refused = Some(reason);
                    left.push(kept);
                }
            }
        }
        if !noted_elsewhere.is_empty() {
            self.sides[side.other()].note_restored(id, &noted_elsewhere).await?;
        }
        undone.restored[side] += restored;
        Ok((restored > 0).then_some(done.transaction))
    }

    /// Waits for the other side to follow: rows of it may refer to those that were put back.
    async fn follow(&self, side: Backend, transaction: Option<i64>, undone: &mut Undone) {
        if let Some(transaction) = transaction {
            self.mirror.hurry(side);
            undone.mirror[side] = Some(self.mirror.mirrored(side, transaction, PATIENCE).await);
        }
    }
}

/// How many of these rows are put back in one statement, which has little time.
fn batch(rows: &[Kept]) -> usize {
    let mut bytes = 0;
    let fitting = rows.iter().take(BATCH_ROWS).take_while(|kept| {
        let fits = bytes < BATCH_BYTES;
        bytes += kept.row.body.get().len();
        fits
    });
    fitting.count()
}

impl Kept {
    fn is_refused_for_reference(&self) -> bool {
        self.refused.as_ref().is_some_and(|reason| reason.contains("refers to"))
    }

    fn as_row(&self, side: Backend) -> RowToPutBack<'_> {
        RowToPutBack {
            place: (self.archive == side).then_some(self.row.place),
            schema: &self.row.schema,
            table: &self.row.table,
            row: &self.row.body,
        }
    }

    fn into_refused(self) -> NotPutBack {
        NotPutBack {
            repository: self.row.table,
            key: self.row.key,
            reason: self.refused.unwrap_or_default(),
        }
    }
}
