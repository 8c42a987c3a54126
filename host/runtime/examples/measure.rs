//! Temporary measurement.
#![allow(clippy::all, clippy::pedantic, clippy::print_stdout, clippy::unwrap_used)]
use std::time::{Duration, Instant};
use turnout_runtime::*;
use turnout_vocabulary::*;
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let bytes = std::fs::read(path).unwrap();
    let dir = std::env::temp_dir().join("turnout-measure-cache");
    for cache in [None, Some(dir.clone()), Some(dir.clone())] {
        let runtime = Runtime::new(&Options {
            cache,
            ..Options::default()
        })
        .unwrap();
        let t = Instant::now();
        runtime.load_routing(&bytes).unwrap();
        println!("load {:?}", t.elapsed());
    }
    let runtime = Runtime::new(&Options::default()).unwrap();
    let module = runtime.load_routing(&bytes).unwrap();
    let d = module.describe().unwrap();
    println!("{} {} schema {} bytes", d.name, d.version, d.settings_schema.len());
    let repo = |i: u16, name: &str, s: bool| Repository {
        id: RepositoryId(i),
        name: name.into(),
        schema: "public".into(),
        key: vec!["id".into()],
        subject: s.then(|| "phone".into()),
        compared: vec![],
    };
    let repos = [repo(0, "clients", true), repo(1, "services", false)];
    let settings = r#"{"cohort":[{"name":"test phone","subjects":["+79686484488"],"stage":"live"},{"name":"five","percent":5,"stage":"shadow"}],"default":{"stage":"off"},"repositories":{"services":{"stage":"dualwrite"}}}"#;
    for bad in [
        r#"{"default":{"stage":"liv"}}"#,
        r#"{"default":{"stage":"off"},"cohrt":[]}"#,
        "nope",
        r#"{"default":{"stage":"off"},"repositories":{"x":{"stage":"off"}}}"#,
    ] {
        println!("{}", RoutingPolicy::configure(&module, bad, &repos).err().unwrap());
    }
    let t = Instant::now();
    for _ in 0..200 {
        RoutingPolicy::configure(&module, settings, &repos).unwrap();
    }
    println!("configure (fresh instance, settings, dropped) {:?}", t.elapsed() / 200);
    let policy = RoutingPolicy::configure(&module, settings, &repos).unwrap();
    let rule = SubjectRule::for_region("RU").unwrap();
    let test = rule.normalise("89686484488").unwrap();
    let other = rule.normalise("89001234567").unwrap();
    println!(
        "{:?} {:?} {:?} {:?}",
        policy.authority(RepositoryId(0), Some(&test)),
        policy.authority(RepositoryId(0), Some(&other)),
        policy.span(RepositoryId(0)),
        policy.span(RepositoryId(1))
    );
    let h = Health {
        up: true,
        p95: Duration::from_millis(2),
    };
    let c = Conditions {
        backends: PerBackend { old: h, new: h },
        mirror_lag: None,
    };
    println!(
        "{:?} {:?}",
        policy.read(Action::Find, RepositoryId(0), Some(&test), &c),
        policy.read(Action::Find, RepositoryId(1), None, &c)
    );
    let n = 1_000_000u32;
    let time = |name: &str, f: &dyn Fn()| {
        let mut best = Duration::MAX;
        for _ in 0..9 {
            let t = Instant::now();
            for _ in 0..n {
                f();
            }
            best = best.min(t.elapsed());
        }
        println!("{name}: {:.0} ns", best.as_nanos() as f64 / f64::from(n));
    };
    time("authority, listed subject", &|| {
        policy.authority(RepositoryId(0), Some(&test)).unwrap();
    });
    time("authority, other subject", &|| {
        policy.authority(RepositoryId(0), Some(&other)).unwrap();
    });
    time("authority, no subject", &|| {
        policy.authority(RepositoryId(1), None).unwrap();
    });
    time("span", &|| {
        policy.span(RepositoryId(0)).unwrap();
    });
    time("read", &|| {
        policy.read(Action::Find, RepositoryId(0), Some(&other), &c).unwrap();
    });
    time("admit", &|| {
        policy.admit(Action::Find, RepositoryId(0), Some(&other)).unwrap();
    });
    time("read chain: admit + authority + read", &|| {
        policy.admit(Action::Find, RepositoryId(0), Some(&other)).unwrap();
        policy.authority(RepositoryId(0), Some(&other)).unwrap();
        policy.read(Action::Find, RepositoryId(0), Some(&other), &c).unwrap();
    });
    let t = Instant::now();
    std::thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                for _ in 0..n {
                    policy.authority(RepositoryId(0), Some(&other)).unwrap();
                }
            });
        }
    });
    println!(
        "two threads: {:.2} M authority calls/s",
        2.0 * f64::from(n) / t.elapsed().as_secs_f64() / 1e6
    );
    // 10,000 listed subjects
    let many: Vec<String> = (0..10_000).map(|i| format!("\"+7900{i:07}\"")).collect();
    let settings = format!(
        r#"{{"cohort":[{{"name":"many","subjects":[{}],"stage":"live"}}],"default":{{"stage":"off"}}}}"#,
        many.join(",")
    );
    let t = Instant::now();
    let big = RoutingPolicy::configure(&module, &settings, &repos).unwrap();
    println!("configure with 10,000 phones: {:?}", t.elapsed());
    time("authority among 10,000 listed", &|| {
        big.authority(RepositoryId(0), Some(&other)).unwrap();
    });
}
