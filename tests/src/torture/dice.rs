use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

/// The source of choices. The same seed gives the same choices on every machine.
pub(crate) type Dice = Xoshiro256PlusPlus;

/// The dice of one of several choosers that work at the same time. What one of them draws does not change what another draws.
pub(crate) fn dice(seed: u64, chooser: u64) -> Dice {
    // Neighbouring seeds of neighbouring choosers must not give the same dice.
    Dice::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(chooser))
}
