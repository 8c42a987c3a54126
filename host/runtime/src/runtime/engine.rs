use wasmtime::component::Linker;
use wasmtime::{Cache, Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy};

use super::Options;
use crate::log;
use crate::policy::State;

/// How many instances there may be at a time: the threads that call policies, times the policies they call. Each has room kept
/// in the address space only, 4 GiB of 128 TiB.
const INSTANCES: u32 = 4000;

/// How much memory stays with the place of an instance that is gone, so that the next needs not ask the system for it. A policy
/// in Rust touches some 60 KiB.
const KEPT_BYTES: usize = 256 << 10;

/// An engine, and what its policies may import. Instances take places that were prepared in a pool, where the system grants
/// the address space for one: a fresh instance then costs half.
pub(super) fn linker(strategy: Strategy, cache: Option<Cache>, options: &Options) -> wasmtime::Result<Linker<State>> {
    let mut config = Config::new();
    config
        .strategy(strategy)
        .concurrency_support(false)
        .epoch_interruption(true)
        .cache(cache)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(options)));
    let engine = Engine::new(&config)
        .or_else(|_| Engine::new(config.allocation_strategy(InstanceAllocationStrategy::OnDemand)))?;
    let mut linker = Linker::new(&engine);
    log::add_to_linker(&mut linker)?;
    Ok(linker)
}

fn pool(options: &Options) -> PoolingAllocationConfig {
    let bounds = options.worlds.values().chain([&options.bounds]);
    let entries = bounds.map(|bounds| bounds.table_entries).max().unwrap_or_default();
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(INSTANCES)
        .total_core_instances(INSTANCES * 4)
        .total_memories(INSTANCES)
        .total_tables(INSTANCES * 4)
        .max_tables_per_module(32)
        .table_elements(entries)
        .linear_memory_keep_resident(KEPT_BYTES)
        .table_keep_resident(KEPT_BYTES)
        // Only what was touched is made new, where the kernel can say what that is (Linux 6.7).
        .pagemap_scan(Enabled::Auto);
    pool
}
