//! The rows of one side that break what the other side asks.

use turnout_backends::{Database, Error, quoted};
use turnout_vocabulary::{Backend, PerBackend, Repository};

use crate::catalogue::{Catalogue, Table};
use crate::difference::{Asks, Difference, Rule};
use crate::finding::{Finding, Rows, Side};
use crate::judged;

/// What a difference means for the migration, with the rows that are in the way.
pub(crate) async fn finding(
    sides: &PerBackend<Database>,
    catalogues: &PerBackend<Catalogue>,
    repositories: &[Repository],
    difference: &Difference,
) -> Result<Finding, Error> {
    let mut finding = judged::finding(difference);
    let Some(rule) = &difference.rule else {
        return Ok(finding);
    };
    let side = rule.asked_by.other();
    let Some(question) = Question::of(catalogues, repositories, difference, rule) else {
        return Ok(finding);
    };
    let found = sides[side].found_by(&question.find).await?;
    if found.rows == 0 {
        return Ok(finding);
    }
    finding.what = format!(
        "{}; {side} has {} that break it",
        finding.what,
        question.counted(found.rows)
    );
    finding.severity = crate::Severity::Blocks;
    for remedy in &mut finding.remedies {
        if remedy.side.0 == side {
            remedy.sql = format!("{}\n{}", question.remove, remedy.sql);
        }
    }
    if side == Backend::Old && question.is_removed_by_person {
        // What to do with such rows only a person knows; until then new must take them.
        finding.remedies.retain(|remedy| remedy.side.0 == Backend::New);
    }
    finding.rows = Some(Rows {
        side: Side(side),
        count: found.rows,
        first: found.first,
        find: format!("{};", question.find),
    });
    Ok(finding)
}

/// How the rows are found, and how they go.
struct Question {
    find: String,
    remove: String,
    finds_groups: bool,
    is_removed_by_person: bool,
}

impl Question {
    fn of(
        catalogues: &PerBackend<Catalogue>,
        repositories: &[Repository],
        difference: &Difference,
        rule: &Rule,
    ) -> Option<Self> {
        let side = rule.asked_by.other();
        let repository = repositories
            .iter()
            .find(|repository| difference.table == Some(format!("{}.{}", repository.schema, repository.table)))?;
        let table = catalogues[side].table(&repository.schema, &repository.table)?;
        let key = key(table, repository);
        let name = table.qualified();
        match &rule.asks {
            Asks::Unique {
                expressions,
                predicate,
                nulls_not_distinct,
            } => {
                let listed = expressions.join(", ");
                let mut conditions: Vec<String> = predicate.iter().cloned().collect();
                if !nulls_not_distinct {
                    conditions.extend(expressions.iter().map(|expression| format!("{expression} is not null")));
                }
                let condition = if conditions.is_empty() {
                    String::new()
                } else {
                    format!(" where {}", conditions.join(" and "))
                };
                Some(Self {
                    find: format!(
                        "select json_agg(json_build_array({key}) order by {key}) as duplicates\n\
                         from {name}{condition}\ngroup by {listed} having count(*) > 1 order by min(({key})::text)"
                    ),
                    remove: without_duplicates(table, &key, &listed, &condition),
                    finds_groups: true,
                    is_removed_by_person: false,
                })
            }
            Asks::NotNull(column) => Some(Self::broken(&name, &key, &format!("{column} is null"))),
            Asks::Check(expression) => Some(Self::broken(&name, &key, &format!("({expression}) is false"))),
            Asks::Reference {
                columns,
                target,
                target_columns,
            } => {
                let of = |column: &String| format!("{name}.{}", quoted(column));
                let filled: Vec<String> = columns
                    .iter()
                    .map(|column| format!("{} is not null", of(column)))
                    .collect();
                let same: Vec<String> = columns
                    .iter()
                    .zip(target_columns)
                    .map(|(column, other)| format!("parent.{} = {}", quoted(other), of(column)))
                    .collect();
                let orphan = format!(
                    "{} and not exists (select from {target} as parent where {})",
                    filled.join(" and "),
                    same.join(" and ")
                );
                Some(Self::broken(&name, &key, &orphan))
            }
        }
    }

    fn broken(table: &str, key: &str, condition: &str) -> Self {
        Self {
            find: format!("select {key} from {table}\nwhere {condition}\norder by {key}"),
            remove: format!("delete from {table} where {condition};"),
            finds_groups: false,
            is_removed_by_person: true,
        }
    }

    fn counted(&self, count: u64) -> String {
        match (self.finds_groups, count) {
            (true, 1) => "1 group of duplicates".to_owned(),
            (true, _) => format!("{count} groups of duplicates"),
            (false, 1) => "1 row".to_owned(),
            (false, _) => format!("{count} rows"),
        }
    }
}

/// The statements that leave the earliest row of each group. Rows that refer to another of the group refer to that one then.
fn without_duplicates(table: &Table, key: &str, listed: &str, condition: &str) -> String {
    let name = table.qualified();
    let mut statements = Vec::new();
    for referring in &table.referenced_by {
        let numbered = |columns: &[String], write: &dyn Fn(usize, &str) -> String, between: &str| {
            let columns = columns.iter().enumerate();
            let written: Vec<String> = columns.map(|(place, column)| write(place, &quoted(column))).collect();
            written.join(between)
        };
        let selected = numbered(
            &referring.target_columns,
            &|place, column| {
                let kept = format!("first_value({column}) over (partition by {listed} order by {key})");
                format!("{column} as later_{place}, {kept} as kept_{place}")
            },
            ", ",
        );
        let assigned = numbered(
            &referring.columns,
            &|place, column| format!("{column} = alike.kept_{place}"),
            ", ",
        );
        let is_later = numbered(
            &referring.columns,
            &|place, column| format!("child.{column} = alike.later_{place}"),
            " and ",
        );
        let moves = numbered(
            &referring.columns,
            &|place, _| format!("alike.kept_{place} <> alike.later_{place}"),
            " or ",
        );
        statements.push(format!(
            "update {} as child set {assigned} from (\n    select {selected} from {name}{condition}\n) as alike\n\
             where {is_later} and ({moves});",
            referring.table
        ));
    }
    statements.push(format!(
        "delete from {name} where ({key}) in (\n    select {key} from (\n        \
         select {key}, row_number() over (partition by {listed} order by {key}) as place from {name}{condition}\n    \
         ) as alike where place > 1\n);"
    ));
    statements.join("\n")
}

/// What tells rows apart, in SQL.
fn key(table: &Table, repository: &Repository) -> String {
    if repository.key.is_empty() || repository.key.iter().any(|column| table.column(column).is_none()) {
        return "ctid".to_owned();
    }
    let key: Vec<String> = repository.key.iter().map(|column| quoted(column)).collect();
    key.join(", ")
}
