use wasmtime::component::LinkerInstance;
use wasmtime::{StoreContextMut, ensure};

use crate::policy::State;

/// How many random bytes a policy may ask for at a time.
const BYTES: usize = 64 << 10;

/// Numbers that look random and are the same in every call of every instance (Steele, Lea and Flood's `SplitMix64`).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new() -> Self {
        Self(0)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count.next_multiple_of(8));
        while bytes.len() < count {
            bytes.extend(self.next().to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }
}

/// The two functions of an interface of random numbers.
pub(super) fn numbers(functions: &mut LinkerInstance<'_, State>, bytes: &str, number: &str) -> wasmtime::Result<()> {
    functions.func_wrap(bytes, |mut store: StoreContextMut<'_, State>, (count,): (u64,)| {
        let count = usize::try_from(count)?;
        ensure!(
            count <= BYTES,
            "it asked for {count} random bytes at a time, and {BYTES} are allowed"
        );
        Ok((store.data_mut().random.bytes(count),))
    })?;
    functions.func_wrap(number, |mut store: StoreContextMut<'_, State>, ()| {
        Ok((store.data_mut().random.next(),))
    })
}

/// The seed of hash tables.
pub(super) fn seed(functions: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    functions.func_wrap("insecure-seed", |_, ()| Ok(((0_u64, 0_u64),)))
}
