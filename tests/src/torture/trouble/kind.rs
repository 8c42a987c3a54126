use rand::RngExt;
use turnout_vocabulary::Backend;

use crate::torture::dice::Dice;

/// What nobody broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// New sessions of a database are read-only by default, as a hosted Supabase makes them when its disk is full.
    ReadOnly(Backend),
    /// The role that hosts connect as has timeouts of a fraction of a second.
    Hurry(Backend),
    /// Somebody has locked two tables of a database.
    Lock(Backend),
    /// Others use all connections that a database allows.
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
