//! What all policies of a process share: the engine, the linker and the ticker.

mod cache;
mod options;
mod ticker;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime::{Config, Engine};

pub use options::Options;
use ticker::Ticker;

use crate::load::{self, LoadError};
use crate::log;
use crate::policy::{Module, State};
use crate::worlds::World;

/// Loads policies.
///
/// Policies outlive it: what keeps them bounded is shared with them and ends with the last of them.
pub struct Runtime {
    shared: Arc<Shared>,
    linker: Linker<State>,
}

/// What a policy needs for as long as it lives.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
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
    /// The thread that stops policies in time cannot be started.
    #[error("the thread that stops policies in time cannot be started; check the limits on threads")]
    Ticker {
        /// What the system said.
        #[from]
        source: io::Error,
    },
}

impl Runtime {
    /// Starts an engine, and a thread that lets it stop policies.
    ///
    /// # Errors
    /// [`RuntimeError`] if the cache directory is unusable or the machine refuses the engine or the thread.
    pub fn new(options: &Options) -> Result<Self, RuntimeError> {
        let refused = |error: wasmtime::Error| RuntimeError::Engine {
            reason: format!("{error:#}"),
        };
        let mut config = Config::new();
        config.concurrency_support(false).epoch_interruption(true);
        if let Some(directory) = &options.cache {
            config.cache(Some(cache::open(directory)?));
        }
        let engine = Engine::new(&config).map_err(refused)?;
        let mut linker = Linker::new(&engine);
        log::add_to_linker(&mut linker).map_err(refused)?;
        let ticker = Ticker::start(&engine)?;
        let shared = Arc::new(Shared {
            engine,
            options: options.clone(),
            _ticker: ticker,
        });
        Ok(Self { shared, linker })
    }

    /// Compiles a policy of the world `W`: a core module as `cargo build --target wasm32-unknown-unknown` writes it, or a
    /// component.
    ///
    /// # Errors
    /// [`LoadError`] if the bytes are no policy of that world.
    pub fn load<W: World>(&self, bytes: &[u8]) -> Result<Module<W>, LoadError> {
        let options = &self.shared.options;
        let component = load::compiled(
            &self.shared.engine,
            bytes,
            options.of(W::NAME).module_bytes,
            options.wasi,
        )?;
        load::module(Arc::clone(&self.shared), &self.linker, &component)
    }
}
