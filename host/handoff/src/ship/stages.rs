//! Changes of stages in the settings of the routing policy that is built in. What people wrote around them stays as it is.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};
use turnout_vocabulary::{NotASubject, Subject, SubjectRule};

/// The name of the cohort that subjects of a cutover are put into.
const COHORT: &str = "cutover";

/// The stage that a cutover leads to.
const LIVE: &str = "live";

/// The stages with the authority `old` that are mirrored, from which a cutover leads to `live`.
const BEFORE: [&str; 2] = ["dualwrite", "shadow"];

/// The stages with the authority `new` that are mirrored back, from which a rollback leads to the stage before.
const AFTER: [&str; 2] = [LIVE, "rampdown"];

/// For whom a cutover is.
#[derive(Clone)]
pub enum Whom {
    /// Everybody whose rows are mirrored from `old`.
    Everyone,
    /// These subjects, in any spelling.
    Subjects(Vec<String>),
}

/// A stage that changed. It names no subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageChange {
    /// What stands at it: `default`, `repositories.NAME`, `cohort NAME`, or how many subjects.
    pub place: String,
    /// The stage before; `None` where the subjects had none of their own.
    pub before: Option<String>,
    /// The stage after; `None` where the subjects have none of their own.
    pub after: Option<String>,
}

/// Why stages were not changed.
#[derive(Debug, thiserror::Error)]
pub enum NotStaged {
    /// Another policy has settings of its own.
    #[error(
        "the settings of the routing policy in force are not those of the one that is built in: {0}; change them yourself"
    )]
    OtherSettings(String),
    /// There is nothing to cut over.
    #[error("nothing stands at `dualwrite` or `shadow`, from which a cutover leads to `live`")]
    NothingBefore,
    /// All subjects are there already.
    #[error("the subjects stand at a stage with the authority new already")]
    AlreadyThere,
    /// There is nothing to take back.
    #[error("nothing that the last cutover changed stands at `live` or `rampdown` any more")]
    NothingAfter,
    /// A text names no subject.
    #[error("subject {place} of the list: {reason}")]
    NoSubject {
        /// Its place in the list, from 1.
        place: usize,
        /// What is wrong.
        reason: NotASubject,
    },
}

/// The settings after a cutover, and what changed in them.
pub(crate) fn cut_over(
    settings: &str,
    whom: &Whom,
    rule: &SubjectRule,
) -> Result<(String, Vec<StageChange>), NotStaged> {
    let mut document = parse(settings)?;
    let changes = match whom {
        Whom::Everyone => everyone(&mut document)?,
        Whom::Subjects(texts) => subjects(&mut document, texts, rule)?,
    };
    Ok((document.to_string(), changes))
}

/// The settings after a rollback to the stages that other settings had, and what changed in them. What was changed otherwise since stays.
pub(crate) fn take_back(
    settings: &str,
    then: &str,
    rule: &SubjectRule,
) -> Result<(String, Vec<StageChange>), NotStaged> {
    let mut then = parse(then)?;
    let mut document = parse(settings)?;
    let mut changes = Vec::new();
    let stages_then: Vec<(String, String)> = places(&mut then)
        .into_iter()
        .filter_map(|(place, table)| Some((place, stage(table)?.to_owned())))
        .collect();
    for (place, table) in places(&mut document) {
        let before = stages_then
            .iter()
            .find(|(name, _)| *name == place)
            .map(|(_, stage)| stage.as_str());
        let is_moved = stage(table).is_some_and(|now| AFTER.contains(&now));
        if let Some(before) = before.filter(|before| is_moved && BEFORE.contains(before)) {
            changes.push(set_stage(place, table, before));
        }
    }
    let kept = listed(&mut then, COHORT, rule);
    let moved: Vec<Subject> = listed(&mut document, COHORT, rule)
        .into_iter()
        .filter(|subject| !kept.contains(subject))
        .collect();
    if !moved.is_empty() {
        remove_subjects(&mut document, &moved, rule);
        for subject in &moved {
            put_back(&mut document, &mut then, subject, rule);
        }
        remove_empty_cohort(&mut document);
        changes.push(StageChange {
            place: in_words(moved.len()),
            before: Some(LIVE.to_owned()),
            after: None,
        });
    }
    if changes.is_empty() {
        return Err(NotStaged::NothingAfter);
    }
    Ok((document.to_string(), changes))
}

fn parse(settings: &str) -> Result<DocumentMut, NotStaged> {
    let mut document: DocumentMut = settings
        .parse()
        .map_err(|_| NotStaged::OtherSettings("they are no TOML".to_owned()))?;
    let has_default = places(&mut document)
        .iter()
        .any(|(place, table)| place == "default" && stage(&**table).is_some());
    if has_default {
        Ok(document)
    } else {
        Err(NotStaged::OtherSettings("they have no `default.stage`".to_owned()))
    }
}

fn everyone(document: &mut DocumentMut) -> Result<Vec<StageChange>, NotStaged> {
    let mut changes = Vec::new();
    for (place, table) in places(document) {
        if stage(table).is_some_and(|stage| BEFORE.contains(&stage)) {
            changes.push(set_stage(place, table, LIVE));
        }
    }
    if changes.is_empty() {
        return Err(NotStaged::NothingBefore);
    }
    Ok(changes)
}

fn subjects(document: &mut DocumentMut, texts: &[String], rule: &SubjectRule) -> Result<Vec<StageChange>, NotStaged> {
    let mut moving = Vec::new();
    for (place, text) in texts.iter().enumerate() {
        let subject = rule.normalise_written(text);
        let subject = subject.map_err(|reason| NotStaged::NoSubject {
            place: place + 1,
            reason,
        })?;
        if !moving.contains(&subject) {
            moving.push(subject);
        }
    }
    for table in cohorts(document) {
        if stage(table).is_some_and(|stage| AFTER.contains(&stage) || stage == "complete") {
            let there = subjects_in(table, rule);
            moving.retain(|subject| !there.contains(subject));
        }
    }
    if moving.is_empty() {
        return Err(NotStaged::AlreadyThere);
    }
    remove_subjects(document, &moving, rule);
    if named(document, COHORT).is_none() {
        add_cohort(document);
    }
    let cohort = named(document, COHORT).ok_or_else(|| NotStaged::OtherSettings("`cohort` is no list".to_owned()))?;
    if stage(cohort) != Some(LIVE) {
        return Err(NotStaged::OtherSettings(format!(
            "the cohort `{COHORT}` does not stand at `{LIVE}`"
        )));
    }
    push(cohort, &moving);
    Ok(vec![StageChange {
        place: in_words(moving.len()),
        before: None,
        after: Some(LIVE.to_owned()),
    }])
}

/// Everything that has a stage, with its name.
fn places(document: &mut DocumentMut) -> Vec<(String, &mut dyn TableLike)> {
    let mut places: Vec<(String, &mut dyn TableLike)> = Vec::new();
    for (key, item) in document.iter_mut() {
        match key.get() {
            "default" => places.extend(item.as_table_like_mut().map(|table| ("default".to_owned(), table))),
            "repositories" => {
                let repositories = item.as_table_like_mut().into_iter().flat_map(|all| all.iter_mut());
                places.extend(repositories.filter_map(|(name, item)| {
                    Some((format!("repositories.{}", name.get()), item.as_table_like_mut()?))
                }));
            }
            "cohort" => places.extend(in_list(item).into_iter().filter_map(|table| {
                let name = table.get("name")?.as_str()?;
                Some((format!("cohort {name}"), table))
            })),
            _ => {}
        }
    }
    places
}

fn cohorts(document: &mut DocumentMut) -> Vec<&mut dyn TableLike> {
    document.get_mut("cohort").map(in_list).unwrap_or_default()
}

/// The tables of a list, however it is written.
fn in_list(item: &mut Item) -> Vec<&mut dyn TableLike> {
    match item {
        Item::ArrayOfTables(tables) => tables.iter_mut().map(|table| table as &mut dyn TableLike).collect(),
        Item::Value(Value::Array(array)) => {
            let tables = array.iter_mut().filter_map(Value::as_inline_table_mut);
            tables.map(|table| table as &mut dyn TableLike).collect()
        }
        _ => Vec::new(),
    }
}

fn named<'d>(document: &'d mut DocumentMut, name: &str) -> Option<&'d mut dyn TableLike> {
    let mut cohorts = cohorts(document).into_iter();
    cohorts.find(|table| table.get("name").and_then(Item::as_str) == Some(name))
}

fn stage(table: &dyn TableLike) -> Option<&str> {
    table.get("stage")?.as_str()
}

/// Gives a place another stage; what stands around the old one stays.
fn set_stage(place: String, table: &mut dyn TableLike, after: &str) -> StageChange {
    let before = stage(table).map(str::to_owned);
    if let Some(value) = table.get_mut("stage").and_then(Item::as_value_mut) {
        let decor = value.decor().clone();
        *value = Value::from(after);
        *value.decor_mut() = decor;
    }
    StageChange {
        place,
        before,
        after: Some(after.to_owned()),
    }
}

fn subjects_in(table: &dyn TableLike, rule: &SubjectRule) -> HashSet<Subject> {
    let texts = table.get("subjects").and_then(Item::as_array);
    let texts = texts.into_iter().flatten().filter_map(Value::as_str);
    texts.filter_map(|text| rule.subject_in(Some(text))).collect()
}

fn listed(document: &mut DocumentMut, name: &str, rule: &SubjectRule) -> HashSet<Subject> {
    named(document, name)
        .map(|table| subjects_in(table, rule))
        .unwrap_or_default()
}

/// Takes subjects out of every list: one may stand in one list only.
fn remove_subjects(document: &mut DocumentMut, gone: &[Subject], rule: &SubjectRule) {
    for table in cohorts(document) {
        if let Some(list) = table.get_mut("subjects").and_then(Item::as_array_mut) {
            list.retain(|value| {
                let subject = rule.subject_in(value.as_str());
                subject.is_none_or(|subject| !gone.contains(&subject))
            });
        }
    }
}

fn push(table: &mut dyn TableLike, subjects: &[Subject]) {
    let list = table.entry("subjects").or_insert(Item::Value(Array::new().into()));
    if let Some(list) = list.as_array_mut() {
        list.extend(subjects.iter().map(Subject::as_str));
    }
}

/// Lists a subject again where it was listed then, if that cohort is still there.
fn put_back(document: &mut DocumentMut, then: &mut DocumentMut, subject: &Subject, rule: &SubjectRule) {
    let mut lists = cohorts(then).into_iter();
    let home = lists.find(|table| subjects_in(&**table, rule).contains(subject));
    let name = home.and_then(|table| Some(table.get("name")?.as_str()?.to_owned()));
    if let Some(table) = name.and_then(|name| named(document, &name)) {
        push(table, std::slice::from_ref(subject));
    }
}

fn add_cohort(document: &mut DocumentMut) {
    let list = document
        .entry("cohort")
        .or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    match list {
        Item::ArrayOfTables(tables) => {
            let mut table = Table::new();
            fill(&mut table);
            tables.push(table);
        }
        Item::Value(Value::Array(array)) => {
            let mut table = InlineTable::new();
            fill(&mut table);
            array.push(table);
        }
        _ => {}
    }
}

fn fill(table: &mut dyn TableLike) {
    table.insert("name", Item::Value(COHORT.into()));
    table.insert("subjects", Item::Value(Array::new().into()));
    table.insert("stage", Item::Value(LIVE.into()));
}

fn remove_empty_cohort(document: &mut DocumentMut) {
    let is_empty = |table: &dyn TableLike| {
        let subjects = table.get("subjects").and_then(Item::as_array);
        table.get("name").and_then(Item::as_str) == Some(COHORT) && subjects.is_some_and(Array::is_empty)
    };
    let mut is_gone = false;
    match document.get_mut("cohort") {
        Some(Item::ArrayOfTables(tables)) => {
            tables.retain(|table| !is_empty(table));
            is_gone = tables.is_empty();
        }
        Some(Item::Value(Value::Array(array))) => {
            array.retain(|value| !value.as_inline_table().is_some_and(|table| is_empty(table)));
        }
        _ => {}
    }
    if is_gone {
        document.remove("cohort");
    }
}

fn in_words(subjects: usize) -> String {
    format!("{subjects} subjects")
}
