use std::collections::BTreeMap;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use turnout_alerts::Alerts;
use turnout_backends::KeptSets;
use turnout_comparisons::{Comparisons, Listener};
use turnout_handoff::{Handoffs, Parts, PolicyJudge, PromotionRules};
use turnout_mirror::{Judge, Mirror};
use turnout_pipeline::{Error, Freshness, Metrics, MinuteKeeper, Pipeline, Provenance, Recording, Undecided};
use turnout_policies::{Acceptance, Era, InForce, Policies, PolicySource, TrustedKeys, Worlds};
use turnout_runtime::{Options, Runtime};
use turnout_supervisor::Supervisor;
use turnout_vocabulary::{
    Backend, BodyForm, Comparison, Delete, DivergenceAlert, Epoch, Filter, Find, Insert, Operand, Operation,
    OperationId, Operator, Outcome, PerBackend, RecordingKey, Repository, RepositoryId, Request, Returning, Rows,
    SubjectRule, TransactionSettings, Update,
};

use crate::policies;
use crate::side::Side;

/// The repository of the tests.
pub(crate) const CLIENTS: RepositoryId = RepositoryId(0);

/// Somebody; their rows are on `new`.
pub(crate) const PHONE: &str = "89686484488";

/// A host between two sides, and what the sides hear of it.
pub(crate) struct World {
    pub(crate) pipeline: Pipeline,
    pub(crate) sides: PerBackend<Arc<Side>>,
    journal: Arc<Mutex<Vec<String>>>,
    _directory: TempDir,
}

impl World {
    /// A host under epoch 1, whose sides have been compared. Must be made inside a runtime.
    pub(crate) fn new() -> Self {
        let world = Self::before_the_first_epoch();
        for (_, side) in world.sides.iter() {
            side.set(|side| side.fence = 1);
        }
        world.put_in_force(1, &["clients"]);
        world
    }

    /// A host that has not begun to serve. Must be made inside a runtime.
    pub(crate) fn before_the_first_epoch() -> Self {
        let repositories: Arc<[Repository]> = [Repository {
            id: CLIENTS,
            name: "clients".into(),
            table: "clients".into(),
            schema: "public".into(),
            key: vec!["id".into()],
            subject: Some("phone".into()),
            compared: vec![],
        }]
        .into();
        let supervisor = Supervisor::new();
        let sides = PerBackend::from_fn(|_| Arc::<Side>::default());
        let journal = Arc::default();
        for (_, side) in sides.iter() {
            side.set(|side| (side.subjects, side.journal) = ("[]".into(), Arc::clone(&journal)));
        }
        let backends = Arc::new(PerBackend::from_fn(|backend| {
            sides[backend].database(backend, &repositories, &supervisor)
        }));
        let directory = TempDir::new().unwrap();
        policies::write(directory.path());
        let rule = SubjectRule::for_region("RU").unwrap();
        let metrics = Arc::new(Metrics::new(&repositories));
        let acceptance = Acceptance {
            trusted_keys: TrustedKeys::default(),
            exam_budget: Duration::from_secs(10),
        };
        let policies = Policies::load(
            PolicySource::new(directory.path(), Worlds::default()),
            Runtime::new(&Options::default()).unwrap(),
            Arc::clone(&repositories),
            rule.clone(),
            acceptance,
            Arc::clone(&metrics.policies),
            None,
        );
        let policies = Arc::new(policies.unwrap());
        let judge = PolicyJudge::new(Arc::clone(&policies), rule.clone(), Arc::clone(&metrics.mirror));
        let judge: Arc<dyn Judge> = Arc::new(judge);
        let mirror = Arc::new(Mirror::start(&backends, &repositories, &judge, &supervisor));
        let alerts = Arc::new(Alerts::default());
        let key = RecordingKey::of("a secret of the tests");
        let handoffs = Handoffs::new(&Parts {
            policies: Arc::clone(&policies),
            backends: Arc::clone(&backends),
            mirror: Arc::clone(&mirror),
            alerts: Arc::clone(&alerts),
            metrics: Arc::clone(&metrics.mirror),
            repositories: Arc::clone(&repositories),
            functions: BTreeMap::new(),
            rule: rule.clone(),
            supervisor: supervisor.clone(),
            names: key.clone(),
            budget: Duration::from_secs(10),
            mirror_age: Duration::from_mins(1),
            kept: KeptSets::default(),
            promotion: PromotionRules::default(),
            host: String::new(),
        });
        let comparisons = Comparisons::new(turnout_comparisons::Parts {
            policies: Arc::clone(&policies),
            sides: Arc::clone(&backends),
            repositories: Arc::clone(&repositories),
            rule: rule.clone(),
            listener: Arc::new(Nobody),
            metrics: Arc::clone(&metrics.comparisons),
            reconcile_every: None,
        });
        let handoffs = Arc::new(handoffs);
        let minutes = MinuteKeeper::new(&backends, &handoffs, &alerts, &metrics, &repositories, "tests");
        Self {
            pipeline: Pipeline {
                minutes: Arc::new(minutes),
                comparisons: Arc::new(comparisons),
                policies,
                handoffs,
                backends,
                mirror,
                alerts,
                metrics,
                repositories,
                recording: Recording::new(10, false, key),
                rule,
                freshness: Freshness::new(Duration::from_millis(100)),
                undecided: Undecided::Refuse,
                functions: BTreeMap::new(),
                unfiltered_writes: HashSet::new(),
            },
            sides,
            journal,
            _directory: directory,
        }
    }

    /// The steps of handoffs so far.
    pub(crate) fn journal(&self) -> Vec<String> {
        self.journal.lock().unwrap().clone()
    }

    /// Puts the same policies in force under another epoch.
    pub(crate) fn put_in_force(&self, epoch: u64, converged: &[&str]) {
        let policies = &self.pipeline.policies;
        let era = Era {
            epoch: Epoch::new(epoch),
            set: Arc::clone(&policies.in_force().set),
            forced: None,
            frozen: None,
        };
        let converged = converged.iter().copied().map(Into::into).collect();
        policies.put_in_force(InForce::steady(era, converged));
    }

    /// Does one operation.
    pub(crate) async fn run(&self, request: Request) -> (Provenance, Result<Outcome, Error>) {
        let operation = Operation {
            id: OperationId::generate(),
            repository: CLIENTS,
            named_subject: None,
            transaction: TransactionSettings::default(),
            request,
        };
        self.pipeline.run(&operation).await
    }

    /// What operations have asked of a side since this was last called.
    pub(crate) fn asked(&self, backend: Backend) -> Vec<String> {
        self.sides[backend].asked()
    }
}

/// Reads the rows of somebody.
pub(crate) fn find(phone: &str) -> Request {
    Request::Find(Find {
        filter: equal("phone", phone),
        ..Find::default()
    })
}

/// Adds a row for somebody.
pub(crate) fn insert(phone: &str) -> Request {
    Request::Insert(Insert {
        rows: row(&format!(r#"[{{"phone":"{phone}"}}]"#), "phone", Some(phone)),
        conflict: None,
        keyed: None,
        returning: COUNT,
    })
}

/// Changes the rows that a filter finds.
pub(crate) fn rename(filter: Filter) -> Request {
    Request::Update(Update {
        change: row(r#"[{"name":"x"}]"#, "name", None),
        filter,
        returning: COUNT,
    })
}

/// Removes the rows that a filter finds.
pub(crate) fn delete(filter: Filter) -> Request {
    Request::Delete(Delete {
        filter,
        returning: COUNT,
    })
}

/// Rows whose column has a value.
pub(crate) fn equal(column: &str, value: &str) -> Filter {
    Filter::Compare(Comparison {
        field: column.into(),
        operator: Operator::Eq,
        operand: Operand::Value(value.into()),
    })
}

const COUNT: Returning = Returning {
    rows: None,
    location: false,
    single: false,
    at_most: None,
    body: BodyForm::Json,
};

fn row(json: &str, column: &str, subject: Option<&str>) -> Rows {
    Rows {
        json: json.into(),
        columns: vec![column.into()],
        subjects: vec![subject.map(Into::into)],
        ..Rows::default()
    }
}

/// Hears of no divergence.
struct Nobody;

impl Listener for Nobody {
    fn alert(&self, _: &DivergenceAlert, _: &str) {}

    fn call(&self, _: &Repository, _: u64) {}
}
