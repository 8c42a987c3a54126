use std::sync::Arc;

use serde_json::Value;
use wasmtime::component::InstancePre;
use wasmtime::component::types::ComponentItem;

use super::State;
use super::instance::Instance;
use crate::bindings::policy::PolicyIndices;
use crate::bounds::{Bounds, Failure};
use crate::log::Lines;
use crate::presentable::presentable;
use crate::runtime::{Optimised, Shared};
use crate::worlds::World;

/// What a policy says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The policy's name.
    pub name: String,
    /// The policy's version.
    pub version: String,
    /// A JSON Schema object that describes the policy's settings, as text; empty if the policy does not describe them.
    pub settings_schema: String,
}

/// The longest name that is shown, in bytes.
const NAME_BYTES: usize = 64;

/// The longest version that is shown, in bytes.
const VERSION_BYTES: usize = 32;

/// The largest schema of settings, in bytes.
const SCHEMA_BYTES: usize = 256 << 10;

impl Description {
    /// What a module says of itself, cut and escaped. The schema is checked and kept as it is.
    ///
    /// # Errors
    /// [`Failure::BadSchema`] if the schema is too large or no JSON Schema object.
    pub(super) fn checked(name: &str, version: &str, settings_schema: String) -> Result<Self, Failure> {
        check_schema(&settings_schema).map_err(|reason| Failure::BadSchema { reason })?;
        Ok(Self {
            name: presentable(name, NAME_BYTES),
            version: presentable(version, VERSION_BYTES),
            settings_schema,
        })
    }
}

/// Checks the parts of a schema that the host reads. The rest is for people.
fn check_schema(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    if text.len() > SCHEMA_BYTES {
        return Err(format!("has {} bytes, and {SCHEMA_BYTES} are allowed", text.len()));
    }
    let schema: Value = serde_json::from_str(text).map_err(|_| "is no JSON")?;
    let schema = schema.as_object().ok_or("is no JSON object")?;
    let describes_tables = match schema.get("type") {
        None => true,
        Some(Value::Array(types)) => types.iter().any(|one| one == "object"),
        Some(one) => one == "object",
    };
    if !describes_tables {
        return Err("describes no object, but settings are a table".into());
    }
    for key in ["properties", "$defs"] {
        if schema.get(key).is_some_and(|members| !members.is_object()) {
            return Err(format!("has `{key}` that is no object"));
        }
    }
    Ok(())
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
    lines: Arc<Lines>,
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
            lines: Arc::new(Lines::new(W::NAME)),
            first,
            optimised,
        }))
    }

    /// Whether both are the same compiled code.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Waits until the module has code of the optimising compiler, or can't have any.
    pub fn wait_until_optimised(&self) {
        self.0.optimised.wait();
    }

    /// Whether the optimising compiler is done with the module.
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
    /// [`Failure`] if the policy traps or exceeds a bound, or if its schema is no JSON Schema object.
    pub fn describe(&self) -> Result<Description, Failure> {
        Instance::new(self)?.describe()
    }

    /// The functions that the module imports, such as `turnout:policy/log@0.1.0#log`. An interface that holds only types has none.
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
                    functions
                        .extend(called.map(|(function, _)| presentable(&format!("{name}#{function}"), NAME_BYTES * 2)));
                }
                _ => functions.push(presentable(name, NAME_BYTES * 2)),
            }
        }
        functions
    }

    /// The bound on the log lines of all instances of the module together.
    pub(super) fn lines(&self) -> &Arc<Lines> {
        &self.0.lines
    }

    /// What a policy of this code may take.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        self.shared().options.of(W::NAME)
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.0.shared
    }
}
