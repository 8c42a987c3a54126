use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use tracing::warn;
use wasmtime::Engine;

use super::cache::Kept;
use crate::load::{self, LoadError};
use crate::policy::Code;
use crate::worlds::World;

/// What becomes of a module's code in the background.
pub(crate) type Optimised<W> = Arc<OnceLock<Result<Code<W>, LoadError>>>;

type Job = Box<dyn FnOnce(&Engine, Option<&Kept>) + Send>;

/// A thread that compiles one component after the other, with care.
pub(super) struct Optimiser(Sender<Job>);

impl Optimiser {
    /// It ends when this is dropped and all is compiled.
    pub(super) fn start(engine: Engine, kept: Option<Arc<Kept>>) -> io::Result<Self> {
        let (sender, jobs) = mpsc::channel::<Job>();
        thread::Builder::new()
            .name("policy-optimiser".into())
            .spawn(move || jobs.iter().for_each(|job| job(&engine, kept.as_deref())))?;
        Ok(Self(sender))
    }

    /// Has a component compiled after a pause, unless it is no longer wanted then. Tells when that is over.
    pub(super) fn optimise<W: World>(
        &self,
        component: &[u8],
        optimised: &Optimised<W>,
        pause: Duration,
    ) -> Receiver<()> {
        let (over, is_over) = mpsc::channel();
        let (component, wanted) = (component.to_vec(), Arc::downgrade(optimised));
        let job = move |engine: &Engine, kept: Option<&Kept>| {
            thread::sleep(pause);
            if let Some(optimised) = wanted.upgrade() {
                // The next component is to be compiled whatever this one does to the compiler.
                let code = catch_unwind(AssertUnwindSafe(|| load::compiled(engine, &component)));
                let code = code.unwrap_or_else(|_| {
                    Err(LoadError::Malformed {
                        reason: "the compiler panicked".into(),
                    })
                });
                if let Err(error) = &code {
                    warn!(world = W::NAME, %error, "a policy was not optimised");
                } else if let Some(Err(error)) = kept.map(|kept| kept.note(&component)) {
                    warn!(%error, "that the cache has a policy's code could not be noted");
                }
                let _ = optimised.set(code);
            }
            let _ = over.send(());
        };
        // The thread ends with this.
        let _ = self.0.send(Box::new(job));
        is_over
    }
}
