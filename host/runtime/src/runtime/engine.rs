use tracing::info;
use wasmtime::{Cache, Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy};

use super::Options;
use crate::bounds::MemoryBound;

/// How many instances there may be at a time: the threads that call policies, times the policies that they call. The pool reserves
/// address space for them and no memory: 16 TiB by each engine, of 128 TiB.
const INSTANCES: u32 = 4000;

/// The fewest table entries that a place in the pool has room for. [`MemoryBound`](crate::bounds::MemoryBound) bounds what an
/// instance may use.
const TABLE_ENTRIES: usize = 1 << 20;

/// How much memory stays with a place in the pool when its instance is gone, so that the next instance need not ask the system for it. A
/// policy in Rust touches some 60 KiB.
const KEPT_BYTES: usize = 256 << 10;

/// An engine. Where the system grants the address space for a pool, instances take prepared places in it: a fresh instance then costs a
/// quarter of one without a pool.
pub(super) fn engine(strategy: Strategy, cache: Option<Cache>, options: &Options) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config
        .strategy(strategy)
        .concurrency_support(false)
        .epoch_interruption(true)
        .cache(cache)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(options)));
    Engine::new(&config).or_else(|error| {
        info!(
            error = format!("{error:#}"),
            "there is no pool for instances of policies; they are made on demand"
        );
        Engine::new(config.allocation_strategy(InstanceAllocationStrategy::OnDemand))
    })
}

fn pool(options: &Options) -> PoolingAllocationConfig {
    let bounds = options.worlds.values().chain([&options.bounds]);
    let entries = bounds
        .map(|bounds| bounds.table_entries)
        .fold(TABLE_ENTRIES, usize::max);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(INSTANCES)
        .total_core_instances(INSTANCES * 4)
        .total_memories(INSTANCES)
        .total_tables(INSTANCES * 4)
        .max_memories_per_module(MemoryBound::MEMORIES)
        .max_tables_per_module(MemoryBound::TABLES)
        .table_elements(entries)
        .linear_memory_keep_resident(KEPT_BYTES)
        .table_keep_resident(KEPT_BYTES)
        // Only touched pages are made new, where the kernel can say which those are (Linux 6.7).
        .pagemap_scan(Enabled::Auto);
    pool
}
