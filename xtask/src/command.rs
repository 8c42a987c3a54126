mod bench;
mod built_in;
mod demo;
mod peers;
mod test;
mod torture;

pub(crate) use bench::bench;
pub(crate) use built_in::built_in;
pub(crate) use demo::demo;
pub(crate) use peers::peers;
pub(crate) use test::test;
pub(crate) use torture::torture;
