//! What all policies of a process share: two engines, the ticker and the optimiser.

mod cache;
mod engine;
mod optimiser;
mod options;
mod ticker;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Engine, Strategy};

use cache::Kept;
pub(crate) use optimiser::Optimised;
use optimiser::Optimiser;
pub use options::Options;
use ticker::Ticker;

use crate::bounds::Bounds;
use crate::load::{self, LoadError};
use crate::policy::Module;
use crate::worlds::World;

/// How long a load waits for code that the cache is noted to hold. Such code is there before Winch would have made any.
const KEPT: Duration = Duration::from_millis(15);

/// How long the optimiser waits after a load, so that the change that brought the module has the processor.
const PAUSE: Duration = Duration::from_millis(200);

/// Loads policies. Each module is compiled twice. Winch compiles it at once, in a fifth of the time that Cranelift takes, so that a
/// change is in force soon. Cranelift compiles it in the background; instances of its code take over when it is there.
///
/// Policies may outlive the runtime: the ticker that bounds them ends with the last of them.
pub struct Runtime {
    shared: Arc<Shared>,
    /// The engine of Winch; `None` on machines that Winch does not compile for.
    quick: Option<Engine>,
    optimiser: Optimiser,
    /// The notes of what the cache holds; `None` without a cache.
    kept: Option<Arc<Kept>>,
}

/// What a policy needs for as long as it lives.
pub(crate) struct Shared {
    pub(crate) options: Options,
    _ticker: Ticker,
}

/// Why there is no runtime.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// The cache directory cannot be made or read.
    #[error("the directory {} for compiled policies cannot be used; name one that this user may create", path.display())]
    Cache {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The cache directory is open to others: whoever can write compiled code into it can run it.
    #[error("others may write to the directory {} for compiled policies; it must belong to this user, with mode 0700", path.display())]
    CacheNotPrivate {
        /// The directory.
        path: PathBuf,
    },
    /// The engine refused to start on this machine.
    #[error("the WebAssembly engine cannot start on this machine: {reason}")]
    Engine {
        /// What the engine said.
        reason: String,
    },
    /// A thread that policies need cannot be started.
    #[error("a thread that policies need cannot be started; check the limits on threads")]
    Thread {
        /// What the system said.
        #[from]
        source: io::Error,
    },
}

impl Runtime {
    /// Starts the engines, a thread that lets them stop policies, and one that optimises their code.
    ///
    /// # Errors
    /// [`RuntimeError`] if the cache directory is unusable or the machine refuses an engine or a thread.
    pub fn new(options: &Options) -> Result<Self, RuntimeError> {
        let (cache, kept) = options.cache.as_deref().map(cache::open).transpose()?.unzip();
        let kept = kept.map(Arc::new);
        let optimising = engine::engine(Strategy::Cranelift, cache, options).map_err(|error| RuntimeError::Engine {
            reason: format!("{error:#}"),
        })?;
        let quick = engine::engine(Strategy::Winch, None, options).ok();
        let engines = quick.iter().chain([&optimising]);
        let ticker = Ticker::start(engines.cloned().collect())?;
        let shared = Arc::new(Shared {
            options: options.clone(),
            _ticker: ticker,
        });
        let optimiser = Optimiser::start(optimising, kept.clone())?;
        Ok(Self {
            shared,
            quick,
            optimiser,
            kept,
        })
    }

    /// What the policy of a world may take.
    #[must_use]
    pub fn bounds(&self, world: &str) -> Bounds {
        self.shared.options.of(world)
    }

    /// Compiles a policy of the world `W`: a core module as `cargo build --target wasm32-unknown-unknown` writes it, or a
    /// component.
    ///
    /// # Errors
    /// [`LoadError`] if the bytes are no policy of that world.
    pub fn load<W: World>(&self, bytes: &[u8]) -> Result<Module<W>, LoadError> {
        let options = &self.shared.options;
        let component = load::checked(bytes, options.of(W::NAME).module_bytes, options.wasi)?;
        let optimised = Optimised::default();
        let optimise = |pause| self.optimiser.optimise::<W>(&component, &optimised, pause);
        let kept = self.kept.as_ref().is_some_and(|kept| kept.has(&component));
        if kept {
            let _ = optimise(Duration::ZERO).recv_timeout(KEPT);
        }
        let quick = || self.quick.as_ref().map(|engine| load::compiled(engine, &component));
        let code = optimised.get().cloned().or_else(quick);
        if !kept {
            optimise(PAUSE);
        }
        let code = match code {
            // Winch does not know every instruction that Cranelift knows.
            None | Some(Err(LoadError::Malformed { .. })) => optimised.wait().clone(),
            Some(code) => code,
        };
        Ok(Module::new(Arc::clone(&self.shared), code?, optimised))
    }
}
