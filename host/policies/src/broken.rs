use std::fmt;

use turnout_runtime::Failing;

/// Of how many calls at least the part that failed counts.
const ENOUGH: u32 = 200;

/// How often a policy may fail before it is taken out of force.
#[derive(Clone, Copy, Debug)]
pub struct BreakerLimits {
    /// So many calls of a function in a row are too many.
    pub in_a_row: u32,
    /// So large a part of the calls of a function within a minute, of 200 at least, is too large.
    pub rate: f64,
}

impl BreakerLimits {
    pub(crate) fn are_exceeded_by(self, failing: &Failing) -> bool {
        failing.contradicted
            || failing.in_a_row >= self.in_a_row
            || failing.calls >= ENOUGH && f64::from(failing.failed) >= self.rate * f64::from(failing.calls)
    }
}

/// A policy that fails more than it may.
#[derive(Clone, Debug)]
pub struct Broken {
    pub(crate) world: &'static str,
    /// The SHA-256 of its module, in hexadecimal.
    pub module: String,
    pub(crate) failing: Failing,
}

/// What people hear of it. Whom it failed for is not in it.
impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failing {
            function,
            in_a_row,
            calls,
            failed,
            contradicted,
        } = self.failing;
        let module = self.module.get(..8).unwrap_or_default();
        write!(f, "the {} policy {module} ", self.world)?;
        if contradicted {
            write!(f, "contradicts itself in `{function}`")
        } else if calls >= ENOUGH && failed > 0 {
            write!(f, "failed {failed} of {calls} calls of `{function}` within a minute")
        } else {
            write!(f, "failed {in_a_row} calls of `{function}` in a row")
        }
    }
}
