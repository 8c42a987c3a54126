//! The worlds, a room for each: its bindings, and its functions said in the vocabulary.

pub(crate) mod routing;

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::policy::State;

/// The exports of one world beside those that all have.
pub(crate) trait World: Send + Sized + 'static {
    /// The world's name in `wit/`.
    const NAME: &'static str;

    /// Where the exports are in a component.
    type Indices: Send + Sync;

    /// Finds the exports in a component, and checks their types.
    fn indices(component: &InstancePre<State>) -> wasmtime::Result<Self::Indices>;

    /// Takes the exports of an instance.
    fn load(indices: &Self::Indices, store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<Self>;
}
