use wasmtime::ResourceLimiter;

use super::Failure;

/// Bounds the memory of one instance. A policy that asks for more is stopped at once.
pub(crate) struct MemoryBound {
    bytes: usize,
    bytes_left: usize,
    table_entries: usize,
    table_entries_left: usize,
}

impl MemoryBound {
    /// How many memories and tables an instance may have.
    pub(crate) const MEMORIES: u32 = 8;
    pub(crate) const TABLES: u32 = 32;

    pub(crate) const fn new(bytes: usize, table_entries: usize) -> Self {
        Self {
            bytes,
            bytes_left: bytes,
            table_entries,
            table_entries_left: table_entries,
        }
    }
}

impl ResourceLimiter for MemoryBound {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let left = self
            .bytes_left
            .checked_sub(desired - current)
            .ok_or(Failure::OutOfMemory { bound: self.bytes })?;
        self.bytes_left = left;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let left = self
            .table_entries_left
            .checked_sub(desired - current)
            .ok_or(Failure::OutOfTable {
                bound: self.table_entries,
            })?;
        self.table_entries_left = left;
        Ok(true)
    }

    // A module that was made a component is four instances; components of other languages have some more.
    fn instances(&self) -> usize {
        32
    }

    fn tables(&self) -> usize {
        Self::TABLES as usize
    }

    fn memories(&self) -> usize {
        Self::MEMORIES as usize
    }
}
