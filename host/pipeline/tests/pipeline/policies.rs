//! The policies of the tests. Subjects are on `new`, everything else on `old`; reads go to `old` and fall back to `new`; nothing
//! may be deleted. All writes are mirrored, inserts synchronously.

use std::path::Path;

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Writes their files into a directory.
pub(crate) fn write(directory: &Path) {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (world, fixture) in [
        ("routing", package.join("../runtime/tests/fixtures/good.wat")),
        ("dual-write", package.join("tests/fixtures/dual_write.wat")),
    ] {
        std::fs::write(directory.join(world).with_extension("wasm"), module(&fixture, world)).unwrap();
        std::fs::write(directory.join(world).with_extension("toml"), "").unwrap();
    }
}

/// A fixture as a compiler would have written it: a core module that carries the world it was built for.
fn module(fixture: &Path, world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let (package, _) = resolve.push_dir(wit).unwrap();
    let mut module = wat::parse_file(fixture).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    module
}
