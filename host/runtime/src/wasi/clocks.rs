use wasmtime::component::{ComponentType, LinkerInstance, Lower};

use super::handle;
use crate::policy::State;

/// A point in time since the Unix epoch, or a span of time.
#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

/// The wall clock: it always shows the Unix epoch.
pub(super) fn wall(functions: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    for (function, nanoseconds) in [("now", 0), ("resolution", 1)] {
        functions.func_wrap(function, move |_, ()| {
            Ok((Datetime {
                seconds: 0,
                nanoseconds,
            },))
        })?;
    }
    Ok(())
}

/// The monotonic clock: it always shows 0 ns, and every wait is over at once.
pub(super) fn monotonic(functions: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    functions.func_wrap("now", |_, ()| Ok((0_u64,)))?;
    functions.func_wrap("resolution", |_, ()| Ok((1_u64,)))?;
    functions.func_wrap("subscribe-instant", |_, (_,): (u64,)| Ok((handle(),)))?;
    functions.func_wrap("subscribe-duration", |_, (_,): (u64,)| Ok((handle(),)))
}
