use std::path::Path;

use anyhow::Result;
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Makes a core module of WebAssembly text, with the metadata of a world of `wit/` that a compiler would add.
///
/// # Errors
/// If the text is not a valid module, or there is no such world.
pub fn core_module(text: &str, world: &str) -> Result<Vec<u8>> {
    let mut module = wat::parse_str(text)?;
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit"))?;
    let world = resolve.select_world(&[package], Some(world))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    Ok(module)
}
