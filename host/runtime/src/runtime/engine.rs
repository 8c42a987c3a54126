use tracing::info;
use wasmtime::{Cache, Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy};

use super::Options;
use crate::bounds::MemoryBound;

/// How many instances there may be at a time: the threads that call policies, times the policies they call. Room is kept for
/// them in the address space only: 16 TiB by each engine, of 128.
const INSTANCES: u32 = 4000;

/// The table entries that there is room for at least. What an instance may have of them is bounded elsewhere.
const TABLE_ENTRIES: usize = 1 << 20;

/// How much memory stays with the place of an instance that is gone, so that the next needs not ask the system for it. A policy
/// in Rust touches some 60 KiB.
const KEPT_BYTES: usize = 256 << 10;

/// An engine. Instances take places that were prepared in a pool, where the system grants the address space for one: a fresh
/// instance then costs a quarter.
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
        // Only what was touched is made new, where the kernel can say what that is (Linux 6.7).
        .pagemap_scan(Enabled::Auto);
    pool
}
