use std::collections::HashSet;
use std::fmt::Write as _;

use toml::Value;
use turnout_vocabulary::SubjectKind;
use uuid::Uuid;

use super::found::{Found, FoundTable, REGION};
use crate::arguments::Init;

/// The text of a configuration for what was found.
pub(super) fn configuration(arguments: &Init, found: &Found) -> String {
    let mut text = format!(
        "# Written by `turnout init`. What it could not decide stands here as comments; docs/configuration.md has every setting.\n\
         \n[api]\n\
         listen = \"127.0.0.1:8787\"\n\
         key = \"{}\"        # the application's; or TURNOUT_API_KEY\n\
         admin_key = \"{}\"  # the administrator's; or TURNOUT_ADMIN_KEY\n\
         \n[backends.old]\n\
         url = {}  # or TURNOUT_OLD_URL\n\
         \n[backends.new]\n\
         url = {}  # or TURNOUT_NEW_URL\n\
         \n[subjects]\n\
         kind = \"{}\"  # whose row it is; or \"phone\", \"email\", \"uuid\", \"text\"\n",
        Uuid::new_v4().simple(),
        Uuid::new_v4().simple(),
        string(&arguments.old),
        string(&arguments.new),
        found.kind
    );
    if found.kind == SubjectKind::Phone {
        line(
            &mut text,
            &format!(
                "region = \"{REGION}\"  # of phones that are written without a country code; change it if that is another"
            ),
        );
    }
    let served: HashSet<&str> = found.tables.iter().map(|table| table.name.as_str()).collect();
    let mut names = HashSet::new();
    for table in &found.tables {
        // Two schemas may have tables of one name.
        let name = if names.insert(table.name.clone()) {
            table.name.clone()
        } else {
            format!("{}.{}", table.schema, table.name)
        };
        write_table(&mut text, &name, table, &served);
    }
    if !found.left_out.is_empty() {
        line(&mut text, "\n# Not served:");
    }
    for (table, why) in &found.left_out {
        line(&mut text, &format!("#   {table}: {why}"));
    }
    text
}

fn write_table(text: &mut String, name: &str, table: &FoundTable, served: &HashSet<&str>) {
    line(text, &format!("\n[repositories.{}]", key(name)));
    if name != table.name {
        line(text, &format!("table = {}", string(&table.name)));
    }
    if table.schema != "public" {
        line(text, &format!("schema = {}", string(&table.schema)));
    }
    line(text, &format!("key = {}", Value::from(table.key.clone())));
    match table.subjects.as_slice() {
        [] => {}
        [subject] => line(text, &format!("subject = {}", string(subject))),
        [subject, others @ ..] => line(
            text,
            &format!("subject = {}  # or is it {}?", string(subject), others.join(", ")),
        ),
    }
    let missing = table.refers_to.iter().filter(|name| !served.contains(name.as_str()));
    for missing in missing {
        line(
            text,
            &format!("# Its rows refer to {missing}, which is not served: it can be mirrored once that is."),
        );
    }
}

fn line(text: &mut String, line: &str) {
    // To write to a text can't fail.
    let _ = writeln!(text, "{line}");
}

fn string(text: &str) -> Value {
    Value::from(text)
}

/// A name as a key of TOML.
fn key(name: &str) -> String {
    let is_bare = name
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'));
    if is_bare && !name.is_empty() {
        name.to_owned()
    } else {
        string(name).to_string()
    }
}
