//! The protocol as `stateright` explores it: every step that a participant can take, in every state.

use stateright::{Model, Property};
use turnout_vocabulary::Backend;

use crate::applier::ApplierStep;
use crate::host::HostStep;
use crate::properties;
use crate::protocol::Protocol;
use crate::state::State;

/// One step of one participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A step of a host.
    Host(usize, HostStep),
    /// A step of an applier of the mirror from this backend.
    Applier(Backend, usize, ApplierStep),
}

impl Step {
    /// The step, and what its participant was at, for people.
    pub(crate) fn describe(self, state: &State) -> String {
        match self {
            Self::Host(who, step) => format!("{step:?} by {:?}", state.hosts[who]),
            Self::Applier(source, who, step) => {
                format!(
                    "{step:?} from {source} by {:?}",
                    state.mirrors[source as usize].appliers[who]
                )
            }
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::FIRST]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if state.fault.is_some() {
            return;
        }
        for who in 0..2 {
            steps.extend(HostStep::ALL.map(|step| Step::Host(who, step)));
            for source in Backend::ALL {
                let some = 1..=state.at(source).entries();
                steps.extend(some.map(|entries| Step::Applier(source, who, ApplierStep::Take(entries))));
                steps.push(Step::Applier(source, who, ApplierStep::Advance));
                steps.push(Step::Applier(source, who, ApplierStep::Crash));
            }
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let state = state.clone();
        match step {
            Step::Host(who, step) => state.host_step(who, step, *self),
            Step::Applier(source, who, step) => state.applier_step(source, who, step, *self),
        }
        .map(|state| state.canonical(*self))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
