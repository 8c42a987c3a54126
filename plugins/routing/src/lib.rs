//! The routing policy: stages and cohorts.
