//! The host's side of the interface `log`.

mod lines;

use tracing::{debug, error, info, warn};
use wasmtime::component::{Component, Linker};

use crate::bindings::policy::turnout::policy::log::{self, Level};
use crate::policy::State;
use crate::presentable;

pub(crate) use lines::Lines;

/// What the interface's name begins with. The version of the package follows.
const INTERFACE: &str = "turnout:policy/log@";

/// The bytes of a message that are written.
pub(crate) const MESSAGE_BYTES: usize = 1024;

/// The messages of one call that are written.
const MESSAGES: u8 = 16;

/// How many more messages of the present call are written.
pub(crate) struct LogBudget(u8);

impl LogBudget {
    pub(crate) const fn new() -> Self {
        Self(MESSAGES)
    }

    /// Nothing more is written: the policy is shown a row.
    pub(crate) const fn nothing() -> Self {
        Self(0)
    }

    fn spend(&mut self) -> bool {
        let left = self.0.checked_sub(1);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

/// Adds the interface under the name that a component imports. The version of the package is part of that name, so a policy that was
/// built against another version keeps loading.
pub(crate) fn add_to_linker(linker: &mut Linker<State>, component: &Component) -> wasmtime::Result<()> {
    for (name, _) in component.component_type().imports(component.engine()) {
        if name.starts_with(INTERFACE) {
            let mut interface = linker.instance(name)?;
            interface.func_wrap("log", |mut store, (level, message): (Level, String)| {
                log::Host::log(store.data_mut(), level, message);
                Ok(())
            })?;
        }
    }
    Ok(())
}

impl State {
    /// What a policy prints, without the end of the line.
    pub(crate) fn print(&mut self, text: &str) {
        let text = text.trim_end();
        if !text.is_empty() {
            log::Host::log(self, Level::Debug, text.to_owned());
        }
    }
}

impl log::Host for State {
    fn log(&mut self, level: Level, message: String) {
        if !self.log.spend() || !self.lines.admit() {
            return;
        }
        let world = self.world;
        let message = presentable::about(&message, MESSAGE_BYTES, self.subject.as_ref());
        match level {
            Level::Debug => debug!(target: "turnout::policy", world, "{message}"),
            Level::Info => info!(target: "turnout::policy", world, "{message}"),
            Level::Warn => warn!(target: "turnout::policy", world, "{message}"),
            Level::Error => error!(target: "turnout::policy", world, "{message}"),
        }
    }
}
