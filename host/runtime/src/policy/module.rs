use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::InstancePre;
use wasmtime::component::types::ComponentItem;

use super::State;
use super::instance::Instance;
use crate::bindings::policy::{Policy as Base, PolicyIndices};
use crate::bounds::Failure;
use crate::runtime::Shared;
use crate::worlds::World;

/// What a policy says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// A JSON Schema of its settings, as text.
    pub settings_schema: String,
}

/// Compiled code that is known to be a policy of its world. Cloning it is cheap.
pub struct Module<W: World>(Arc<Inner<W>>);

struct Inner<W: World> {
    shared: Arc<Shared>,
    instance: InstancePre<State>,
    base: PolicyIndices,
    world: W::Indices,
}

impl<W: World> Clone for Module<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W: World> Module<W> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        instance: InstancePre<State>,
        base: PolicyIndices,
        world: W::Indices,
    ) -> Self {
        Self(Arc::new(Inner {
            shared,
            instance,
            base,
            world,
        }))
    }

    /// What the policy says about itself.
    ///
    /// # Errors
    /// [`Failure`] if it traps or exceeds a bound.
    pub fn describe(&self) -> Result<Description, Failure> {
        Instance::new(self)?.describe()
    }

    /// The functions that it imports, such as `turnout:policy/log@0.1.0#log`. An interface that holds only types has none.
    #[must_use]
    pub fn imports(&self) -> Vec<String> {
        let engine = &self.0.shared.engine;
        let component = self.0.instance.component().component_type();
        let mut functions = Vec::new();
        for (name, import) in component.imports(engine) {
            match import.ty {
                ComponentItem::ComponentInstance(interface) => {
                    let exports = interface.exports(engine);
                    let called = exports.filter(|(_, export)| matches!(export.ty, ComponentItem::ComponentFunc(_)));
                    functions.extend(called.map(|(function, _)| format!("{name}#{function}")));
                }
                _ => functions.push(name.to_owned()),
            }
        }
        functions
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.0.shared
    }

    pub(super) fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<(Base, W)> {
        let instance = self.0.instance.instantiate(&mut *store)?;
        Ok((
            self.0.base.load(&mut *store, &instance)?,
            W::load(&self.0.world, store, &instance)?,
        ))
    }
}
