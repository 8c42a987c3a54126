//! The pages in `docs/wit` say what `wit/` says.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_markdown::Opts;

const GENERATED: &str = "<!-- Generated from wit/ by `cargo test -p turnout-runtime --test documentation`. -->\n\n";

#[test]
fn every_world_has_its_page_in_docs() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(repository.join("wit")).unwrap();
    let worlds: Vec<_> = resolve.packages[package].worlds.values().copied().collect();
    let mut written = Vec::new();
    for world in worlds {
        let name = format!("{}.md", resolve.worlds[world].name);
        let mut files = Files::default();
        Opts::default()
            .build()
            .generate(&mut resolve, world, &mut files)
            .unwrap();
        let page = files.remove(&name).unwrap();
        let page = format!("{GENERATED}{}", str::from_utf8(&page).unwrap());
        let file = repository.join("docs/wit").join(&name);
        if fs::read_to_string(&file).ok().as_ref() != Some(&page) {
            fs::write(file, page).unwrap();
            written.push(format!("docs/wit/{name}"));
        }
    }
    assert!(
        written.is_empty(),
        "wit/ has changed, and {} with it: look at it and keep it",
        written.join(", ")
    );
}
