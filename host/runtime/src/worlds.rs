//! The worlds, a room for each: its bindings, and its functions over the types of the vocabulary.
//!
//! A world comes into a host by its line in `host/policies/src/worlds.rs`.

mod convert;
pub(crate) mod divergence;
pub(crate) mod dual_write;
pub(crate) mod routing;
pub(crate) mod safe_cleanup;
#[cfg(feature = "toy-world")]
pub(crate) mod toy;

pub(crate) use exports::Exports;
use turnout_vocabulary::RepositoryId;

use crate::{CallError, Policy};

/// One of the worlds of `wit/`, as a type. Only this crate implements the trait.
pub trait World: Exports {
    /// The world's name.
    const NAME: &'static str;

    /// Asks a policy of a world that only advises one question of each kind about a repository, so that a policy that cannot answer
    /// never comes into force. The worlds that decide what is written where have an exam in `host/policies`.
    ///
    /// # Errors
    /// [`CallError`] if the policy failed.
    fn examine(_policy: &Policy<Self>, _repository: RepositoryId) -> Result<(), CallError> {
        Ok(())
    }
}

mod exports {
    use wasmtime::Store;
    use wasmtime::component::{Instance, InstancePre};

    use crate::policy::State;

    /// The exports of one world, beside the exports that all worlds share.
    pub trait Exports: Send + Sized + 'static {
        /// Where the exports are in a component.
        type Indices: Clone + Send + Sync + 'static;

        /// Finds the exports in a component, and checks their types.
        fn indices(component: &InstancePre<State>) -> wasmtime::Result<Self::Indices>;

        /// Takes the exports of an instance.
        fn load(indices: &Self::Indices, store: &mut Store<State>, instance: &Instance) -> wasmtime::Result<Self>;
    }
}
