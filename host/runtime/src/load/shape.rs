//! Counts what a module is made of before anything is compiled. The size of the file alone does not say how long a compiler takes, or how
//! much memory.

use wasmparser::{BinaryReaderError, Encoding, FunctionBody, Parser, Payload, TypeSectionReader};

use super::LoadError;

/// Something that is counted, and how much of it all core modules of a policy may have together. Policies in Rust have some
/// hundreds of functions, whole JavaScript and Python engines some ten thousand.
#[derive(Clone, Copy)]
struct Limit {
    what: &'static str,
    most: usize,
}

const fn limit(what: &'static str, most: usize) -> Limit {
    Limit { what, most }
}

const FUNCTIONS: Limit = limit("functions", 40_000);
const BODY: Limit = limit("bytes in one function", 512 << 10);
/// Parameters count too: each has a place in the code of its function.
const LOCALS: Limit = limit("locals and parameters in all functions", 1_000_000);
const LOCALS_OF_ONE: Limit = limit("locals and parameters in one function", 20_000);
const TYPES: Limit = limit("types", 10_000);
/// A call of two bytes can move this many values.
const PARAMETERS: Limit = limit("parameters of one function type", 64);
const RESULTS: Limit = limit("results of one function type", 4);
const IMPORTS: Limit = limit("imports", 5_000);
const EXPORTS: Limit = limit("exports", 5_000);
const GLOBALS: Limit = limit("globals", 10_000);
const SEGMENTS: Limit = limit("data and element segments", 20_000);
const MODULES: Limit = limit("nested modules and components", 64);
const INSTANCES: Limit = limit("instances, aliases and canonical functions", 10_000);

impl Limit {
    fn check(self, count: usize) -> Result<(), LoadError> {
        if count > self.most {
            return Err(LoadError::TooComplex {
                what: self.what,
                count,
                bound: self.most,
            });
        }
        Ok(())
    }
}

/// What was counted so far.
#[derive(Default)]
struct Shape {
    functions: usize,
    locals: usize,
    types: usize,
    imports: usize,
    exports: usize,
    globals: usize,
    segments: usize,
    modules: usize,
    instances: usize,
    /// How many parameters each function type has, by number, in the module that is being read.
    parameters: Vec<usize>,
}

/// Refuses a core module or a component that would keep a compiler busy for long.
pub(super) fn check(bytes: &[u8]) -> Result<(), LoadError> {
    let mut shape = Shape::default();
    for payload in Parser::new(0).parse_all(bytes) {
        shape.count(payload.map_err(LoadError::malformed)?)?;
    }
    Ok(())
}

impl Shape {
    fn count(&mut self, payload: Payload<'_>) -> Result<(), LoadError> {
        match payload {
            Payload::Version { encoding, .. } => {
                self.modules += 1;
                if encoding == Encoding::Module {
                    self.parameters.clear();
                }
                MODULES.check(self.modules)
            }
            Payload::TypeSection(types) => self.function_types(types),
            Payload::ComponentTypeSection(types) => add(&mut self.types, types.count(), TYPES),
            Payload::CoreTypeSection(types) => add(&mut self.types, types.count(), TYPES),
            Payload::ImportSection(imports) => add(&mut self.imports, imports.count(), IMPORTS),
            Payload::ComponentImportSection(imports) => add(&mut self.imports, imports.count(), IMPORTS),
            Payload::ExportSection(exports) => add(&mut self.exports, exports.count(), EXPORTS),
            Payload::ComponentExportSection(exports) => add(&mut self.exports, exports.count(), EXPORTS),
            Payload::GlobalSection(globals) => add(&mut self.globals, globals.count(), GLOBALS),
            Payload::DataSection(segments) => add(&mut self.segments, segments.count(), SEGMENTS),
            Payload::ElementSection(segments) => add(&mut self.segments, segments.count(), SEGMENTS),
            Payload::InstanceSection(instances) => add(&mut self.instances, instances.count(), INSTANCES),
            Payload::ComponentInstanceSection(instances) => add(&mut self.instances, instances.count(), INSTANCES),
            Payload::ComponentAliasSection(aliases) => add(&mut self.instances, aliases.count(), INSTANCES),
            Payload::ComponentCanonicalSection(functions) => add(&mut self.instances, functions.count(), INSTANCES),
            Payload::FunctionSection(functions) => {
                add(&mut self.functions, functions.count(), FUNCTIONS)?;
                for number in functions {
                    let number = number.map_err(LoadError::malformed)?;
                    let parameters = usize::try_from(number)
                        .ok()
                        .and_then(|number| self.parameters.get(number));
                    self.locals += parameters.copied().unwrap_or_default();
                    LOCALS.check(self.locals)?;
                }
                Ok(())
            }
            Payload::CodeSectionEntry(body) => self.body(&body),
            _ => Ok(()),
        }
    }

    fn function_types(&mut self, types: TypeSectionReader<'_>) -> Result<(), LoadError> {
        add(&mut self.types, types.count(), TYPES)?;
        for function in types.into_iter_err_on_gc_types() {
            let function = function.map_err(LoadError::malformed)?;
            PARAMETERS.check(function.params().len())?;
            RESULTS.check(function.results().len())?;
            self.parameters.push(function.params().len());
        }
        Ok(())
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> Result<(), LoadError> {
        BODY.check(body.range().len())?;
        let declared = body.get_locals_reader().map_err(LoadError::malformed)?;
        let counts = declared.into_iter().map(|local| Ok(local?.0 as usize));
        let own: usize = counts
            .sum::<Result<_, BinaryReaderError>>()
            .map_err(LoadError::malformed)?;
        LOCALS_OF_ONE.check(own)?;
        self.locals += own;
        LOCALS.check(self.locals)
    }
}

fn add(count: &mut usize, more: u32, limit: Limit) -> Result<(), LoadError> {
    *count = count.saturating_add(more as usize);
    limit.check(*count)
}
