use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{Mutex, RwLock};
use turnout_vocabulary::PerBackend;

use crate::apply::Description;
use crate::change::Changes;
use crate::change::abandon::Abandonment;
use crate::change::advice::Advice;
use crate::change::allot::Allotment;
use crate::change::conclude::Conclusion;
use crate::change::handoff::Handoff;
use crate::change::steps::Steps;
use crate::compare::comparer::Comparer;
use crate::compare::converge::Convergence;
use crate::compare::gaps::Gaps;
use crate::compare::proof::Proof;
use crate::drain::Drain;
use crate::drain::direct::DirectWrites;
use crate::drain::moving::Moving;
use crate::fences::Fences;
use crate::follow::Follower;
use crate::follow::unfinished::Unfinished;
use crate::freeze::Freezing;
use crate::gate::Gate;
use crate::gate::exam::Exam;
use crate::gate::promotion::Promotion;
use crate::handoffs::{Handoffs, Parts};
use crate::held_up::HeldUp;
use crate::learn::Learner;
use crate::learn::site::SiteCheck;
use crate::numbers::Sequences;
use crate::observe::Observer;
use crate::outages::Outages;
use crate::record::Record;
use crate::record::past::PastSets;
use crate::seen::LastSeen;
use crate::ship::Shipping;
use crate::ship::foresee::Foresight;
use crate::ship::history::History;
use crate::sides::failover::ForcedFailover;
use crate::sides::reinstate::Reinstatement;
use crate::sides::rejoin::Rejoin;
use crate::sides::restored::RestoredSide;
use crate::site::SiteDescription;
use crate::watch::DirectoryWatch;

impl Handoffs {
    /// What changes which policies are in force, with these parts.
    #[must_use]
    pub fn new(parts: &Parts) -> Self {
        let basis = Basis::of(parts);
        let checks = Checks::of(parts, &basis);
        let ending = Ending::of(parts, &basis, &checks);
        let changes = changes(parts, &basis, &checks, &ending);
        let history = Arc::new(History {
            policies: Arc::clone(&parts.policies),
            backends: Arc::clone(&parts.backends),
        });
        let shipping = Arc::new(Shipping {
            policies: Arc::clone(&parts.policies),
            learner: Arc::clone(&basis.learner),
            changes: Arc::clone(&changes),
            history: Arc::clone(&history),
            backends: Arc::clone(&parts.backends),
            repositories: Arc::clone(&parts.repositories),
            rule: parts.rule.clone(),
            host: parts.host.clone(),
        });
        Self {
            shipping,
            history,
            foresight: Foresight {
                policies: Arc::clone(&parts.policies),
                gate: Arc::clone(&checks.gate),
                proof: Arc::clone(&checks.proof),
                budget: parts.budget,
            },
            freezing: Freezing {
                policies: Arc::clone(&parts.policies),
                changes: Arc::clone(&changes),
            },
            failover: failover(parts, &basis),
            reinstatement: reinstatement(parts, &basis, &checks),
            description: description(parts, &basis, &checks, &ending),
            follower: follower(parts, &basis, &ending, &changes),
            observer: observer(parts, &basis, &checks),
            outages: Arc::new(Outages {
                backends: Arc::clone(&parts.backends),
                policies: Arc::clone(&parts.policies),
                alerts: Arc::clone(&parts.alerts),
            }),
            watch: Arc::new(DirectoryWatch {
                policies: Arc::clone(&parts.policies),
                learner: Arc::clone(&basis.learner),
                changes: Arc::clone(&changes),
                supervisor: parts.supervisor.clone(),
            }),
            changes,
            comparer: checks.comparer,
            convergence: checks.convergence,
            learner: basis.learner,
            past: basis.past,
            restored: basis.restored,
            sequences: basis.sequences,
            last_seen: basis.last_seen,
            held_up: basis.held_up,
            turn: basis.turn,
            policies: Arc::clone(&parts.policies),
            mirror: Arc::clone(&parts.mirror),
            supervisor: parts.supervisor.clone(),
            alerts: Arc::clone(&parts.alerts),
            budget: parts.budget,
        }
    }
}

/// What knows the record, the fences and the sides.
struct Basis {
    record: Arc<Record>,
    held_up: Arc<HeldUp>,
    turn: Arc<Mutex<()>>,
    fences: Arc<Fences>,
    past: Arc<PastSets>,
    last_seen: Arc<LastSeen>,
    sequences: Arc<Sequences>,
    restored: Arc<RestoredSide>,
    rejoin: Arc<Rejoin>,
    learner: Arc<Learner>,
}

impl Basis {
    fn of(parts: &Parts) -> Self {
        let record = Arc::new(Record {
            backends: Arc::clone(&parts.backends),
            kept: parts.kept,
            site: ArcSwap::from_pointee(SiteDescription::of(&parts.repositories, &parts.functions, &parts.rule)),
            allotting: RwLock::new(()),
        });
        let held_up = Arc::new(HeldUp::default());
        let turn = Arc::new(Mutex::new(()));
        let fences = Arc::new(Fences {
            backends: Arc::clone(&parts.backends),
            held_up: Arc::clone(&held_up),
        });
        let past = Arc::new(PastSets {
            backends: Arc::clone(&parts.backends),
            policies: Arc::clone(&parts.policies),
        });
        let last_seen = Arc::new(LastSeen {
            backends: Arc::clone(&parts.backends),
            seen: PerBackend::default(),
        });
        let sequences = Arc::new(Sequences {
            policies: Arc::clone(&parts.policies),
            backends: Arc::clone(&parts.backends),
            repositories: Arc::clone(&parts.repositories),
            budget: parts.budget,
            unnumbered: ArcSwap::default(),
        });
        let restored = Arc::new(RestoredSide {
            backends: Arc::clone(&parts.backends),
            alerts: Arc::clone(&parts.alerts),
            found: ArcSwapOption::empty(),
        });
        let rejoin = Arc::new(Rejoin {
            backends: Arc::clone(&parts.backends),
            record: Arc::clone(&record),
            fences: Arc::clone(&fences),
        });
        let learner = Arc::new(Learner {
            policies: Arc::clone(&parts.policies),
            backends: Arc::clone(&parts.backends),
            record: Arc::clone(&record),
            site: SiteCheck {
                record: Arc::clone(&record),
                policies: Arc::clone(&parts.policies),
                alerts: Arc::clone(&parts.alerts),
            },
        });
        Self {
            record,
            held_up,
            turn,
            fences,
            past,
            last_seen,
            sequences,
            restored,
            rejoin,
            learner,
        }
    }
}

/// What looks at rows and pending entries.
struct Checks {
    comparer: Arc<Comparer>,
    convergence: Arc<Convergence>,
    proof: Arc<Proof>,
    gate: Arc<Gate>,
    moving: Arc<Moving>,
    drain: Arc<Drain>,
}

impl Checks {
    fn of(parts: &Parts, basis: &Basis) -> Self {
        let gaps = Arc::new(Gaps {
            backends: Arc::clone(&parts.backends),
            repositories: Arc::clone(&parts.repositories),
        });
        let comparer = Arc::new(Comparer {
            backends: Arc::clone(&parts.backends),
            under_way: ArcSwapOption::empty(),
        });
        let convergence = Arc::new(Convergence {
            policies: Arc::clone(&parts.policies),
            backends: Arc::clone(&parts.backends),
            repositories: Arc::clone(&parts.repositories),
            rule: parts.rule.clone(),
            mirror: Arc::clone(&parts.mirror),
            supervisor: parts.supervisor.clone(),
            gaps: Arc::clone(&gaps),
            comparer: Arc::clone(&comparer),
            last_seen: Arc::clone(&basis.last_seen),
            host: parts.host.clone(),
            one: Mutex::new(()),
        });
        let proof = Arc::new(Proof {
            backends: Arc::clone(&parts.backends),
            repositories: Arc::clone(&parts.repositories),
            rule: parts.rule.clone(),
            gaps: Arc::clone(&gaps),
        });
        let promotion = Promotion {
            backends: Arc::clone(&parts.backends),
            repositories: Arc::clone(&parts.repositories),
            rules: Arc::new(parts.promotion.clone()),
            host: parts.host.clone(),
        };
        let gate = Arc::new(Gate {
            backends: Arc::clone(&parts.backends),
            repositories: Arc::clone(&parts.repositories),
            exam: Exam {
                backends: Arc::clone(&parts.backends),
                rule: parts.rule.clone(),
                budget: parts.policies.exam_budget,
                promotion: promotion.needed(),
            },
            promotion,
            gaps: Arc::clone(&gaps),
            convergence: Arc::clone(&convergence),
            proof: Arc::clone(&proof),
        });
        let moving = Arc::new(Moving {
            backends: Arc::clone(&parts.backends),
            rule: parts.rule.clone(),
        });
        let drain = Arc::new(Drain {
            backends: Arc::clone(&parts.backends),
            repositories: Arc::clone(&parts.repositories),
            rule: parts.rule.clone(),
            names: parts.names.clone(),
            mirror: Arc::clone(&parts.mirror),
            moving: Arc::clone(&moving),
            held_up: Arc::clone(&basis.held_up),
        });
        Self {
            comparer,
            convergence,
            proof,
            gate,
            moving,
            drain,
        }
    }
}

/// What begins and ends a handoff.
struct Ending {
    allotment: Arc<Allotment>,
    conclusion: Arc<Conclusion>,
    abandonment: Arc<Abandonment>,
}

impl Ending {
    fn of(parts: &Parts, basis: &Basis, checks: &Checks) -> Self {
        let allotment = Arc::new(Allotment {
            policies: Arc::clone(&parts.policies),
            record: Arc::clone(&basis.record),
        });
        let conclusion = Arc::new(Conclusion {
            policies: Arc::clone(&parts.policies),
            convergence: Arc::clone(&checks.convergence),
        });
        let abandonment = Arc::new(Abandonment {
            policies: Arc::clone(&parts.policies),
            backends: Arc::clone(&parts.backends),
            record: Arc::clone(&basis.record),
            conclusion: Arc::clone(&conclusion),
            supervisor: parts.supervisor.clone(),
        });
        Self {
            allotment,
            conclusion,
            abandonment,
        }
    }
}

fn changes(parts: &Parts, basis: &Basis, checks: &Checks, ending: &Ending) -> Arc<Changes> {
    Arc::new(Changes {
        policies: Arc::clone(&parts.policies),
        record: Arc::clone(&basis.record),
        learner: Arc::clone(&basis.learner),
        advice: Advice {
            policies: Arc::clone(&parts.policies),
            backends: Arc::clone(&parts.backends),
            record: Arc::clone(&basis.record),
            past: Arc::clone(&basis.past),
            conclusion: Arc::clone(&ending.conclusion),
        },
        handoff: Handoff {
            policies: Arc::clone(&parts.policies),
            learner: Arc::clone(&basis.learner),
            restored: Arc::clone(&basis.restored),
            rejoin: Arc::clone(&basis.rejoin),
            gate: Arc::clone(&checks.gate),
            allotment: Arc::clone(&ending.allotment),
            steps: Steps {
                fences: Arc::clone(&basis.fences),
                drain: Arc::clone(&checks.drain),
                sequences: Arc::clone(&basis.sequences),
                restored: Arc::clone(&basis.restored),
                gate: Arc::clone(&checks.gate),
                proof: Arc::clone(&checks.proof),
                direct: DirectWrites {
                    backends: Arc::clone(&parts.backends),
                    repositories: Arc::clone(&parts.repositories),
                    rule: parts.rule.clone(),
                    names: parts.names.clone(),
                    moving: Arc::clone(&checks.moving),
                    alerts: Arc::clone(&parts.alerts),
                },
                record: Arc::clone(&basis.record),
                past: Arc::clone(&basis.past),
            },
            conclusion: Arc::clone(&ending.conclusion),
            abandonment: Arc::clone(&ending.abandonment),
            held_up: Arc::clone(&basis.held_up),
            alerts: Arc::clone(&parts.alerts),
            budget: parts.budget,
        },
        turn: Arc::clone(&basis.turn),
        budget: parts.budget,
    })
}

fn follower(parts: &Parts, basis: &Basis, ending: &Ending, changes: &Arc<Changes>) -> Arc<Follower> {
    Arc::new(Follower {
        policies: Arc::clone(&parts.policies),
        backends: Arc::clone(&parts.backends),
        record: Arc::clone(&basis.record),
        learner: Arc::clone(&basis.learner),
        unfinished: Unfinished {
            policies: Arc::clone(&parts.policies),
            backends: Arc::clone(&parts.backends),
            learner: Arc::clone(&basis.learner),
            abandonment: Arc::clone(&ending.abandonment),
            alerts: Arc::clone(&parts.alerts),
            turn: Arc::clone(&basis.turn),
            budget: parts.budget,
        },
        rejoin: Arc::clone(&basis.rejoin),
        changes: Arc::clone(changes),
    })
}

fn failover(parts: &Parts, basis: &Basis) -> ForcedFailover {
    ForcedFailover {
        policies: Arc::clone(&parts.policies),
        backends: Arc::clone(&parts.backends),
        repositories: Arc::clone(&parts.repositories),
        rule: parts.rule.clone(),
        record: Arc::clone(&basis.record),
        sequences: Arc::clone(&basis.sequences),
        last_seen: Arc::clone(&basis.last_seen),
    }
}

fn reinstatement(parts: &Parts, basis: &Basis, checks: &Checks) -> Reinstatement {
    Reinstatement {
        policies: Arc::clone(&parts.policies),
        backends: Arc::clone(&parts.backends),
        repositories: Arc::clone(&parts.repositories),
        rule: parts.rule.clone(),
        mirror: Arc::clone(&parts.mirror),
        record: Arc::clone(&basis.record),
        fences: Arc::clone(&basis.fences),
        comparer: Arc::clone(&checks.comparer),
        rejoin: Arc::clone(&basis.rejoin),
        restored: Arc::clone(&basis.restored),
        turn: Arc::clone(&basis.turn),
    }
}

fn description(parts: &Parts, basis: &Basis, checks: &Checks, ending: &Ending) -> Description {
    Description {
        policies: Arc::clone(&parts.policies),
        backends: Arc::clone(&parts.backends),
        repositories: Arc::clone(&parts.repositories),
        mirror: Arc::clone(&parts.mirror),
        record: Arc::clone(&basis.record),
        learner: Arc::clone(&basis.learner),
        gate: Arc::clone(&checks.gate),
        allotment: Arc::clone(&ending.allotment),
        fences: Arc::clone(&basis.fences),
        drain: Arc::clone(&checks.drain),
        sequences: Arc::clone(&basis.sequences),
        abandonment: Arc::clone(&ending.abandonment),
        held_up: Arc::clone(&basis.held_up),
        turn: Arc::clone(&basis.turn),
        budget: parts.budget,
    }
}

fn observer(parts: &Parts, basis: &Basis, checks: &Checks) -> Arc<Observer> {
    Arc::new(Observer {
        backends: Arc::clone(&parts.backends),
        repositories: Arc::clone(&parts.repositories),
        mirror: Arc::clone(&parts.mirror),
        last_seen: Arc::clone(&basis.last_seen),
        convergence: Arc::clone(&checks.convergence),
        sequences: Arc::clone(&basis.sequences),
        metrics: Arc::clone(&parts.metrics),
        alerts: Arc::clone(&parts.alerts),
        policies: Arc::clone(&parts.policies),
        mirror_age: parts.mirror_age,
    })
}
