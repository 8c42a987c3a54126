mod bench;
mod built_in;
mod chance;
mod demo;
mod peers;
mod test;

pub(crate) use bench::bench;
pub(crate) use built_in::built_in;
pub(crate) use chance::{fuzz, torture};
pub(crate) use demo::demo;
pub(crate) use peers::peers;
pub(crate) use test::test;
