mod bench;
mod demo;
mod test;

pub(crate) use bench::bench;
pub(crate) use demo::demo;
pub(crate) use test::test;
