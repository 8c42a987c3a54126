//! The routing policy: stages and cohorts.
//!
//! `settings` reads what the user wrote and refuses mistakes, `stage` says what each stage means, `cohorts` finds the stage of a
//! subject, `routes` brings them together for every repository. What is here only answers the host.

pub mod bindings;
mod cohorts;
mod routes;
mod settings;
mod stage;

use std::sync::OnceLock;

use bindings::{
    Admission, Backend, Conditions, Description, Guest, Operation, ReadPlan, RepositoryNumber, Settings, SettingsError,
    Span, Target,
};
use routes::Routes;

/// What this instance was configured with.
static ROUTES: OnceLock<Routes> = OnceLock::new();

/// The policy, as the world `routing` asks for it.
pub struct Routing;

fn routes() -> &'static Routes {
    ROUTES
        .get()
        .expect("the host configures a policy before it asks for decisions")
}

impl Guest for Routing {
    fn describe() -> Description {
        Description {
            name: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
            settings_schema: include_str!("../settings.schema.json").into(),
        }
    }

    fn configure(settings: Settings) -> Result<(), SettingsError> {
        let routes = settings::parse(&settings.json)
            .and_then(|parsed| Routes::new(parsed, &settings.repositories))
            .map_err(SettingsError::Invalid)?;
        ROUTES
            .set(routes)
            .map_err(|_| SettingsError::Other("this instance has its settings already".into()))
    }

    fn authority(target: Target) -> Backend {
        routes().stage(&target).authority()
    }

    fn span(repository: RepositoryNumber) -> Span {
        routes().span(repository)
    }

    fn mirrored(target: Target) -> bool {
        routes().stage(&target).mirrored()
    }

    fn read(operation: Operation, _: Conditions) -> ReadPlan {
        routes().stage(&operation.target).read_plan()
    }

    fn admit(_: Operation) -> Admission {
        Admission::Admit
    }
}
