use rand::RngExt;
use turnout_vocabulary::Backend;

use crate::torture::dice::Dice;

/// A trouble of a database or a host that is not broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// New sessions of a database are read-only by default, as a hosted Supabase makes them when its disk is full.
    ReadOnly(Backend),
    /// The role of the hosts has timeouts of a fraction of a second.
    Hurry(Backend),
    /// A session has locked two tables of a database.
    Lock(Backend),
    /// Sessions of others use all connections that a database allows.
    Crowd(Backend),
    /// A host is started whose configuration describes another site.
    OtherDescription,
    /// A host is started with the policies that were in force in the beginning.
    OldDirectory,
}

impl Trouble {
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        let backend = if dice.random() { Backend::Old } else { Backend::New };
        match dice.random_range(0..6) {
            0 => Self::ReadOnly(backend),
            1 => Self::Hurry(backend),
            2 => Self::Lock(backend),
            3 => Self::Crowd(backend),
            4 => Self::OtherDescription,
            _ => Self::OldDirectory,
        }
    }
}
