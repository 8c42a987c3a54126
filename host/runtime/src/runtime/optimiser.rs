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

/// The optimised code of a module, or why there is none, once the optimiser is done with it.
pub(crate) type Optimised<W> = Arc<OnceLock<Result<Code<W>, LoadError>>>;

type Job = Box<dyn FnOnce(&Engine, Option<&Kept>) + Send>;

/// A thread that compiles one component after the other with the optimising compiler.
pub(super) struct Optimiser(Sender<Job>);

impl Optimiser {
    /// Starts the thread. It ends when the optimiser is dropped and all jobs are done.
    pub(super) fn start(engine: Engine, kept: Option<Arc<Kept>>) -> io::Result<Self> {
        let (sender, jobs) = mpsc::channel::<Job>();
        thread::Builder::new()
            .name("policy-optimiser".into())
            .spawn(move || jobs.iter().for_each(|job| job(&engine, kept.as_deref())))?;
        Ok(Self(sender))
    }

    /// Compiles a component after a pause, unless nobody wants the code any more by then. The result can be waited for.
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
                // A component that makes the compiler panic must not end the thread.
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
        // The thread is there for as long as the optimiser.
        let _ = self.0.send(Box::new(job));
        is_over
    }
}
