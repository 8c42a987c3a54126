use std::fs;
use std::path::Path;

use turnout_api::Tokens;

use super::Environment;
use super::section::Section;

/// Reads the section `jwt`: how the tokens of requests are checked. `None` if there is nothing to check one with, and no role for
/// requests without one.
pub(super) fn read(mut jwt: Section<'_, '_>, folder: &Path, environment: Environment<'_>) -> Option<Tokens> {
    let has_settings = !jwt.is_empty();
    let secret = jwt.optional_secret("secret", "TURNOUT_JWT_SECRET", environment, |_| Ok(()));
    let key_set = jwt.checked("jwks", |text: String| Ok(text));
    let file = jwt.checked("jwks_file", |file: String| {
        fs::read_to_string(folder.join(&file)).map_err(|error| format!("{file} can't be read: {error}"))
    });
    let audience = jwt.value("audience");
    let role_claim = jwt
        .checked("role_claim", |path: String| claim(&path))
        .unwrap_or_else(|| vec!["role".into()]);
    let anon_role: Option<String> = jwt.value("anon_role");
    let pre_request = jwt.checked("pre_request", function);

    let is_used = secret.is_some() || key_set.is_some() || file.is_some() || anon_role.is_some();
    let mut tokens = Ok(Tokens::new(audience, role_claim, anon_role, pre_request));
    if let Some(secret) = &secret {
        tokens = tokens.and_then(|tokens| tokens.with_secret(secret));
    }
    for key_set in key_set.iter().chain(&file) {
        tokens = tokens.and_then(|tokens| tokens.with_key_set(key_set));
    }
    if let Err(error) = &tokens {
        jwt.problem(error.to_string());
    } else if has_settings && !is_used {
        jwt.problem("this has no effect without `secret`, `jwks`, `jwks_file` or `anon_role`");
    }
    jwt.finish();
    tokens.ok().filter(|_| is_used)
}

/// The names of a path such as `app_metadata.role`.
fn claim(path: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = path.split('.').map(str::to_owned).collect();
    if names.iter().any(String::is_empty) {
        return Err("write the names of nested claims with dots between, such as \"app_metadata.role\"".to_owned());
    }
    Ok(names)
}

/// A function as SQL names it.
fn function(name: String) -> Result<String, String> {
    let is_name = |part: &str| {
        let mut characters = part.chars();
        characters
            .next()
            .is_some_and(|first| first.is_ascii_lowercase() || first == '_')
            && characters.all(|other| other.is_ascii_lowercase() || other.is_ascii_digit() || other == '_')
    };
    if (1..=2).contains(&name.split('.').count()) && name.split('.').all(is_name) {
        Ok(name)
    } else {
        Err("write a function as \"schema.name\", in lower case".to_owned())
    }
}
