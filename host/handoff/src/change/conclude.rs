use std::sync::Arc;

use turnout_policies::{InForce, Policies};

use crate::compare::converge::Convergence;

/// The end of a handoff.
pub(crate) struct Conclusion {
    pub(crate) policies: Arc<Policies>,
    pub(crate) convergence: Arc<Convergence>,
}

impl Conclusion {
    /// Ends the handoff for this host's operations.
    pub(crate) fn conclude(&self, next: &InForce) {
        let steady = InForce::steady(next.era.clone(), next.converged.clone());
        self.policies.put_in_force(steady);
        self.convergence.converge_soon();
    }
}
