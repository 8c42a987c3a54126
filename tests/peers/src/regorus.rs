use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Result, bail};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};
use turnout_runtime::Bounds;
use turnout_vocabulary::{Action, Backend, MirrorPlan, ReadPlan, Subject};

use crate::decisions::Decisions;

/// The same rules in Rego, with the bound in time that Turnout has. Regorus bounds memory only together with an allocator
/// that everybody else here would have to use too.
pub(crate) struct Regorus {
    evaluator: Evaluator,
    words: Words,
}

enum Evaluator {
    /// Walks the syntax tree.
    Interpreter(Box<Engine>),
    /// Runs bytecode.
    Machine(Box<RegoVM>),
}

/// The rules that are asked, in the order of their names below.
#[derive(Clone, Copy)]
enum Rule {
    Admit,
    Authority,
    Read,
    Mirror,
}

const RULES: [&str; 4] = [
    "data.turnout.admit",
    "data.turnout.authority",
    "data.turnout.read",
    "data.turnout.mirror",
];

/// What questions and answers are made of, made once.
struct Words {
    action: Value,
    find: Value,
    update: Value,
    repository: Value,
    clients: Value,
    subject: Value,
    primary: Value,
    fallback: Value,
    compare: Value,
    sync: Value,
}

impl Regorus {
    pub(crate) fn interpreter() -> Result<Self> {
        let mut engine = Engine::new();
        engine.add_policy("policy.rego".into(), include_str!("policy.rego").into())?;
        engine.add_data(data()?)?;
        engine.set_execution_timer_config(bound());
        Ok(Self::with(Evaluator::Interpreter(Box::new(engine))))
    }

    pub(crate) fn machine() -> Result<Self> {
        let mut engine = Engine::new();
        engine.add_policy("policy.rego".into(), include_str!("policy.rego").into())?;
        let policy = engine.compile_with_entrypoint(&RULES[0].into())?;
        let mut machine = RegoVM::new();
        machine.load_program(Compiler::compile_from_policy(&policy, &RULES)?);
        machine.set_data(data()?)?;
        machine.set_execution_timer_config(Some(bound()));
        Ok(Self::with(Evaluator::Machine(Box::new(machine))))
    }

    fn with(evaluator: Evaluator) -> Self {
        let words = Words {
            action: "action".into(),
            find: "find".into(),
            update: "update".into(),
            repository: "repository".into(),
            clients: "clients".into(),
            subject: "subject".into(),
            primary: "primary".into(),
            fallback: "fallback".into(),
            compare: "compare".into(),
            sync: "sync".into(),
        };
        Self { evaluator, words }
    }

    fn ask(&mut self, rule: Rule, action: Action, subject: &Subject) -> Result<Value> {
        let words = &self.words;
        let mut input = Value::new_object();
        let told = input.as_object_mut()?;
        let action = if action == Action::Find {
            &words.find
        } else {
            &words.update
        };
        told.insert(words.action.clone(), action.clone());
        told.insert(words.repository.clone(), words.clients.clone());
        told.insert(words.subject.clone(), subject.as_str().into());
        match &mut self.evaluator {
            Evaluator::Interpreter(engine) => {
                engine.set_input(input);
                engine.eval_rule(RULES[rule as usize].into())
            }
            Evaluator::Machine(machine) => {
                machine.set_input(input);
                Ok(machine.execute_entry_point_by_index(rule as usize)?)
            }
        }
    }
}

fn data() -> Result<Value> {
    Value::from_json_str(include_str!("rules.json"))
}

fn bound() -> ExecutionTimerConfig {
    ExecutionTimerConfig {
        limit: Bounds::default().call_cpu,
        // As Regorus's own benchmark has it.
        check_interval: NonZeroU32::MIN.saturating_add(15),
    }
}

impl Decisions for Regorus {
    fn admit(&mut self, action: Action, subject: &Subject) -> Result<bool> {
        Ok(*self.ask(Rule::Admit, action, subject)?.as_bool()?)
    }

    fn authority(&mut self, subject: &Subject) -> Result<Backend> {
        backend(&self.ask(Rule::Authority, Action::Find, subject)?)
    }

    fn read(&mut self, subject: &Subject) -> Result<ReadPlan> {
        let answer = self.ask(Rule::Read, Action::Find, subject)?;
        let (plan, words) = (answer.as_object()?, &self.words);
        let (Some(primary), Some(fallback), Some(compare)) = (
            plan.get(&words.primary),
            plan.get(&words.fallback),
            plan.get(&words.compare),
        ) else {
            bail!("no plan");
        };
        Ok(ReadPlan {
            primary: backend(primary)?,
            fallback: match fallback {
                Value::Null => None,
                other => Some(backend(other)?),
            },
            compare: compare.as_u16()?,
        })
    }

    fn mirror(&mut self, subject: &Subject, _: Backend) -> Result<MirrorPlan> {
        let answer = self.ask(Rule::Mirror, Action::Update, subject)?;
        let Some(bound) = answer.as_object()?.get(&self.words.sync) else {
            bail!("no bound");
        };
        Ok(MirrorPlan::Sync {
            bound: Duration::from_millis(bound.as_u64()?),
        })
    }
}

fn backend(name: &Value) -> Result<Backend> {
    Ok(match &**name.as_string()? {
        "old" => Backend::Old,
        "new" => Backend::New,
        other => bail!("no backend is {other}"),
    })
}
