use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use turnout_backends::KeptSets;
use turnout_pipeline::Undecided;
use turnout_policies::{Acceptance, BreakerLimits, TrustedKeys, Worlds};
use turnout_runtime::{Bounds, Options};

use super::section::Section;

/// After how many failed calls in a row a policy is taken back by default.
const BREAKER_FAILURES: u32 = 10;

/// Which part of the calls within a minute may fail by default.
const BREAKER_RATE: f64 = 0.01;

/// How long the policies of a change may take by default to answer for all subjects.
const EXAM_BUDGET: Duration = Duration::from_secs(10);

/// The policies, as configured.
#[derive(Debug)]
pub(crate) struct PolicyConfig {
    /// The directory that holds `<world>.wasm` and `<world>.toml`.
    pub(crate) directory: PathBuf,
    /// What the policies may use.
    pub(crate) limits: Options,
    /// What a change of policies must meet to be accepted.
    pub(crate) acceptance: Acceptance,
    /// How often a policy may fail before it is taken back.
    pub(crate) breaker: BreakerLimits,
    /// How many old policy sets stay on record.
    pub(crate) kept: KeptSets,
    /// Which backend answers a read that the routing policy fails to decide.
    pub(crate) undecided: Undecided,
}

impl PolicyConfig {
    pub(super) fn read(mut section: Section<'_, '_>, folder: &Path) -> Self {
        let directory: PathBuf = section.value("directory").unwrap_or_else(|| "policies".into());
        let everywhere = bounds(&mut section, Bounds::default());
        let mut worlds = BTreeMap::new();
        for world in Worlds::default().names() {
            let mut of_world = section.section(world);
            worlds.insert(world.to_owned(), bounds(&mut of_world, everywhere));
            of_world.finish();
        }
        let keys: Vec<String> = section.value("trusted_keys").unwrap_or_default();
        let trusted_keys = TrustedKeys::parse(keys.iter().map(String::as_str)).unwrap_or_else(|error| {
            section.problem(format!("`trusted_keys`: {error}"));
            TrustedKeys::default()
        });
        let limits = Options {
            bounds: everywhere,
            worlds,
            cache: section.value("cache").map(|cache: PathBuf| folder.join(cache)),
            wasi: section.value("wasi").unwrap_or_default(),
        };
        let breaker = BreakerLimits {
            in_a_row: section
                .value("breaker_failures")
                .map_or(BREAKER_FAILURES, NonZeroU32::get),
            rate: section.value("breaker_rate").unwrap_or(BREAKER_RATE),
        };
        if !(breaker.rate > 0.0 && breaker.rate <= 1.0) {
            section.problem("`breaker_rate`: must be above 0 and at most 1; 0.01 is one call in a hundred");
        }
        let kept = KeptSets::default();
        let config = Self {
            directory: folder.join(directory),
            limits,
            acceptance: Acceptance {
                trusted_keys,
                exam_budget: section.duration("exam_budget").unwrap_or(EXAM_BUDGET),
            },
            breaker,
            kept: KeptSets {
                sets: section.value("kept_sets").map_or(kept.sets, NonZeroU32::get),
                bytes: section.kibibytes("kept_kib").map_or(kept.bytes, |bytes| bytes as u64),
            },
            undecided: section.value("undecided_reads").unwrap_or_default(),
        };
        section.finish();
        config
    }
}

/// The bounds in a section. A bound that the section does not set is the one in `elsewhere`.
fn bounds(section: &mut Section<'_, '_>, elsewhere: Bounds) -> Bounds {
    Bounds {
        module_bytes: section.kibibytes("module_kib").unwrap_or(elsewhere.module_bytes),
        memory_bytes: section.kibibytes("memory_kib").unwrap_or(elsewhere.memory_bytes),
        table_entries: section.positive("table_entries").unwrap_or(elsewhere.table_entries),
        call_cpu: section.duration("call_cpu").unwrap_or(elsewhere.call_cpu),
        configure_cpu: section.duration("configure_cpu").unwrap_or(elsewhere.configure_cpu),
        settings_bytes: section.kibibytes("settings_kib").unwrap_or(elsewhere.settings_bytes),
    }
}
