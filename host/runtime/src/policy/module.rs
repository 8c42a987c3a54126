use std::sync::Arc;

use wasmtime::component::InstancePre;
use wasmtime::component::types::ComponentItem;

use super::State;
use super::instance::Instance;
use crate::bindings::policy::PolicyIndices;
use crate::bounds::Failure;
use crate::runtime::{Optimised, Shared};
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

/// What one compiler made of a policy.
pub(crate) struct Code<W: World> {
    pub(crate) instance: InstancePre<State>,
    pub(crate) base: PolicyIndices,
    pub(crate) world: W::Indices,
}

impl<W: World> Clone for Code<W> {
    fn clone(&self) -> Self {
        Self {
            instance: self.instance.clone(),
            base: self.base.clone(),
            world: self.world.clone(),
        }
    }
}

/// Compiled code that is known to be a policy of its world. Cloning it is cheap.
pub struct Module<W: World>(Arc<Inner<W>>);

struct Inner<W: World> {
    shared: Arc<Shared>,
    first: Code<W>,
    optimised: Optimised<W>,
}

impl<W: World> Clone for Module<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W: World> Module<W> {
    pub(crate) fn new(shared: Arc<Shared>, first: Code<W>, optimised: Optimised<W>) -> Self {
        Self(Arc::new(Inner {
            shared,
            first,
            optimised,
        }))
    }

    /// Whether both are the same compiled code.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Waits until its code is as fast as it gets.
    pub fn wait_until_optimised(&self) {
        self.0.optimised.wait();
    }

    /// Whether its code is as fast as it gets.
    pub(super) fn is_optimised(&self) -> bool {
        self.0.optimised.get().is_some()
    }

    /// The best code there is by now.
    pub(super) fn code(&self) -> &Code<W> {
        match self.0.optimised.get() {
            Some(Ok(code)) => code,
            _ => &self.0.first,
        }
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
        let component = self.0.first.instance.component();
        let (engine, component) = (component.engine(), component.component_type());
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
}
