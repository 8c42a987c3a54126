use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tokio::time::sleep;
use turnout_vocabulary::Backend;

use super::script::Script;
use super::{Deed, Notes};
use crate::torture::calm;
use crate::torture::direct::run;
use crate::torture::verdict::RECOVERY;
use crate::torture::world::{Standing, World};

impl<'w> Notes<'w> {
    /// Writes rows that violate a constraint of the other side. The constraint is dropped after a while.
    pub(super) async fn park(&mut self, standing: Standing<'w>, lasts: Duration) -> Result<&'static str> {
        let authority = standing.listed.authority();
        let (script, first) = Script::beyond(Deed::Park, self.world.recorder.value(), &self.expected);
        let drop = "alter table notes drop constraint if exists refused";
        let add = format!("{drop}; alter table notes add constraint refused check (id < {first}) not valid");
        self.world.until_done(authority.other(), &add).await?;
        let done = run(&self.world.databases[authority], &script.sql).await;
        let came = self.note(&standing, done, script.leaves).await?;
        std::mem::drop(standing);
        sleep(lasts).await;
        self.world.until_done(authority.other(), drop).await?;
        retry_parked(self.world).await?;
        Ok(came)
    }

    /// Writes one key twice: at the authority of a listed subject, and at the authority of rows without a subject. Both rows must stay
    /// until a person removes one of them.
    pub(super) async fn collide(&mut self, standing: Standing<'w>, lasts: Duration) -> Result<&'static str> {
        let (authority, other) = (standing.listed.authority(), standing.rest.authority());
        if authority == other {
            return Ok("not done: one side has the authority of both");
        }
        let (script, id) = Script::beyond(Deed::Collide, self.world.recorder.value(), &self.expected);
        let mine = format!("insert into notes (id, body) values ({id}, 'of nobody')");
        let removal = format!("delete from notes where id = {id} and body = 'of nobody'");
        let databases = &self.world.databases;
        let (done, others) = tokio::join!(run(&databases[authority], &script.sql), run(&databases[other], &mine));
        let are_both_there = done.is_ok() && others.is_ok();
        let came = self.note(&standing, done, script.leaves).await?;
        sleep(lasts).await;
        if are_both_there {
            for (backend, has_subject) in [(authority, true), (other, false)] {
                let found = calm::within(RECOVERY, async || self.has(backend, id, has_subject).await.ok()).await;
                if found != Some(true) {
                    self.world.surprised_by(format!(
                        "the key {id} was chosen for two subjects, and the row of one is not on {backend}, its authority"
                    ));
                }
            }
        }
        self.world.until_done(other, &removal).await?;
        retry_parked(self.world).await?;
        Ok(if are_both_there { "both rows stayed" } else { came })
    }

    async fn has(&self, backend: Backend, id: i64, with_subject: bool) -> sqlx::Result<bool> {
        let query = "select exists (select from notes where id = $1 and (phone is not null) = $2)";
        sqlx::query_scalar(query)
            .bind(id)
            .bind(with_subject)
            .fetch_one(&self.world.databases[backend])
            .await
    }

    /// Adds a column to the authority's table and writes it. After a while the other side gets the column too, or the authority loses it.
    pub(super) async fn widen(
        &mut self,
        standing: Standing<'w>,
        is_kept: bool,
        lasts: Duration,
    ) -> Result<&'static str> {
        let authority = standing.listed.authority();
        let column = format!("more_{}", self.world.recorder.value());
        let add = format!("alter table notes add column if not exists {column} text");
        let write = format!("update notes set {column} = 'written'");
        self.world.until_done(authority, &add).await?;
        self.world.until_done(authority, &write).await?;
        let came = self.script(standing, Deed::Update).await?;
        sleep(lasts).await;
        if is_kept {
            self.world.until_done(authority.other(), &add).await?;
        } else {
            let drop = format!("alter table notes drop column if exists {column}");
            self.world.until_done(authority, &drop).await?;
        }
        retry_parked(self.world).await?;
        Ok(came)
    }
}

/// Makes the hosts try the parked keys of the table again, as a person does who has removed the cause.
pub(crate) async fn retry_parked(world: &World) -> Result<()> {
    world
        .administer("/v1/mirror/retry", &json!({ "repository": "notes" }))
        .await
}
