use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use extism::{Manifest, Plugin, PluginBuilder, Wasm};
use turnout_runtime::Bounds;
use turnout_vocabulary::{Action, Backend, Conditions, MirrorPlan, ReadPlan, Subject};

use crate::decisions::{CLIENTS, DUAL_WRITE, Decisions, ROUTING, conditions};

/// The size of a page of WebAssembly's memory, in bytes.
const PAGE: usize = 64 << 10;

/// The same policies as Extism plugins, reused, with the bounds that Turnout has.
pub(crate) struct Extism {
    routing: Plugin,
    dual_write: Plugin,
    conditions: Conditions,
    /// What a call is asked, in bytes; kept for its memory.
    asked: Vec<u8>,
}

impl Extism {
    pub(crate) fn new(plugins: &Path) -> Result<Self> {
        Ok(Self {
            routing: plugin(&plugins.join("extism_routing.wasm"), ROUTING)?,
            dual_write: plugin(&plugins.join("extism_dual_write.wasm"), DUAL_WRITE)?,
            conditions: conditions(),
            asked: Vec::new(),
        })
    }

    fn target(&mut self, subject: &Subject) {
        self.asked.extend(CLIENTS.0.to_le_bytes());
        self.asked.extend(subject.as_str().as_bytes());
    }

    fn operation(&mut self, action: Action, subject: &Subject) {
        self.asked.push(action as u8);
        self.target(subject);
    }
}

fn plugin(file: &Path, settings: &str) -> Result<Plugin> {
    let bounds = Bounds::default();
    let pages = u32::try_from(bounds.memory_bytes / PAGE)?;
    let manifest = Manifest::new([Wasm::data(fs::read(file)?)])
        .with_timeout(bounds.call_cpu)
        .with_memory_max(pages);
    let mut plugin = PluginBuilder::new(manifest)
        .with_wasi(false)
        .with_cache_disabled()
        .build()?;
    plugin.call::<&str, ()>("take_settings", settings)?;
    Ok(plugin)
}

impl Decisions for Extism {
    fn admit(&mut self, action: Action, subject: &Subject) -> Result<bool> {
        self.asked.clear();
        self.operation(action, subject);
        let answer: &[u8] = self.routing.call("decide_admit", self.asked.as_slice())?;
        Ok(answer.is_empty())
    }

    fn authority(&mut self, subject: &Subject) -> Result<Backend> {
        self.asked.clear();
        self.target(subject);
        let answer: &[u8] = self.routing.call("decide_authority", self.asked.as_slice())?;
        backend(*answer.first().context("no answer")?)
    }

    fn read(&mut self, subject: &Subject) -> Result<ReadPlan> {
        self.asked.clear();
        for health in [self.conditions.backends.old, self.conditions.backends.new] {
            self.asked.push(health.up.into());
            self.asked.extend(u32::try_from(health.p95.as_micros())?.to_le_bytes());
        }
        self.asked.extend([0; 5]);
        self.operation(Action::Find, subject);
        let answer: &[u8] = self.routing.call("decide_read", self.asked.as_slice())?;
        let &[primary, fallback, low, high] = answer else {
            bail!("no plan");
        };
        Ok(ReadPlan {
            primary: backend(primary)?,
            fallback: (fallback != 2).then(|| backend(fallback)).transpose()?,
            compare: u16::from_le_bytes([low, high]),
        })
    }

    fn mirror(&mut self, subject: &Subject, authority: Backend) -> Result<MirrorPlan> {
        self.asked.clear();
        self.asked.push(authority as u8);
        self.target(subject);
        let answer: &[u8] = self.dual_write.call("decide_mirror", self.asked.as_slice())?;
        Ok(match *answer {
            [0] => MirrorPlan::Off,
            [1] => MirrorPlan::Async,
            [2, a, b, c, d] => MirrorPlan::Sync {
                bound: Duration::from_millis(u32::from_le_bytes([a, b, c, d]).into()),
            },
            _ => bail!("no plan"),
        })
    }
}

fn backend(number: u8) -> Result<Backend> {
    Ok(match number {
        0 => Backend::Old,
        1 => Backend::New,
        _ => bail!("no backend is {number}"),
    })
}
