use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};
use turnout_vocabulary::RepositoryId;

use crate::database::Database;
use crate::error::Error;
use crate::install::{Installation, REMOVAL};

impl Database {
    /// Installs Turnout on this side, or renews the installation; with `rehearse` only tries to. Returns what was done or
    /// could not be, in words.
    ///
    /// # Errors
    /// As [`execute`](Self::execute); nothing is changed then.
    pub async fn install(&self, installation: &Installation<'_>, rehearse: bool) -> Result<Vec<String>, Error> {
        self.transact(&installation.queries(), rehearse).await
    }

    /// Takes the installation away; with `rehearse` only tries to. Returns what was done, in words.
    ///
    /// # Errors
    /// As [`execute`](Self::execute); nothing is changed then.
    pub async fn uninstall(&self, rehearse: bool) -> Result<Vec<String>, Error> {
        self.transact(&["select turnout.leave()".to_owned(), REMOVAL.to_owned()], rehearse)
            .await
    }

    /// The numbers by which this side knows the tables, as its installation gave them; empty if there is none.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn numbers(&self) -> Result<Vec<(i16, RepositoryId)>, Error> {
        let rows = self
            .call("select number, schema_name, table_name from turnout.repository", &[])
            .await?;
        let known = self.read(&rows, |row| {
            let (schema, table): (String, String) = (row.try_get(1)?, row.try_get(2)?);
            let served = self
                .repositories()
                .iter()
                .find(|served| served.schema == schema && served.name == table);
            Ok((row.try_get(0)?, served.map(|served| served.id)))
        })?;
        Ok(known
            .into_iter()
            .filter_map(|(number, served)| Some((number, served?)))
            .collect())
    }

    /// Runs scripts in one transaction on a connection of their own; the texts that they answer with are remarks.
    async fn transact(&self, scripts: &[String], rehearse: bool) -> Result<Vec<String>, Error> {
        let refused = |error: sqlx::Error| Error::answered(self.backend(), &error);
        let mut connection = self.protocol().connect().await?;
        let mut transaction = connection.begin().await.map_err(refused)?;
        let mut remarks = Vec::new();
        for script in scripts {
            let rows = transaction
                .fetch_all(sqlx::raw_sql(AssertSqlSafe(script.as_str())))
                .await
                .map_err(refused)?;
            let texts = rows.iter().filter_map(|row| row.try_get::<String, _>(0).ok());
            remarks.extend(texts.filter(|text| !text.is_empty()));
        }
        if rehearse {
            transaction.rollback().await.map_err(refused)?;
        } else {
            transaction.commit().await.map_err(refused)?;
        }
        Ok(remarks)
    }
}
