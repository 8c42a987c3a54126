//! Policy modules made from others: modules with other bytes that decide the same, and modules that trap.

use anyhow::{Context, Result, bail};

/// The size in bytes of the header of a WebAssembly module, before its first section.
const HEADER: usize = 8;

/// The kinds of sections, as WebAssembly numbers them.
const CUSTOM: u8 = 0;
const IMPORTS: u8 = 2;
const EXPORTS: u8 = 7;
const CODE: u8 = 10;

/// The kind of an export that is a function.
const FUNCTION: u8 = 0;

/// The same module with another custom section, so with another SHA-256.
pub(crate) fn another(module: &[u8], revision: u32) -> Vec<u8> {
    let mut content = vec![1, b'r'];
    content.extend(revision.to_le_bytes());
    [module, &section(CUSTOM, &content)].concat()
}

/// The same routing policy, except that `admit` traps for an operation that has a subject. Its answers about authorities stay. Its answers
/// about operations without a subject stay too, because a candidate is tried with these.
pub(crate) fn trapping_routing(module: &[u8]) -> Result<Vec<u8>> {
    // local.get $has_subject; if; unreachable; end
    trapping(module, "admit", &[0x20, 2, 0x04, 0x40, 0x00, 0x0b])
}

/// The same dual-write policy, except that `settle` traps unless the write took one millisecond to the microsecond: a candidate is tried
/// with such a write.
pub(crate) fn trapping_dual_write(module: &[u8]) -> Result<Vec<u8>> {
    // local.get $took; i32.const 1000; i32.ne; if; unreachable; end
    let prefix = [0x20, 3, 0x41, 0xe8, 0x07, 0x47, 0x04, 0x40, 0x00, 0x0b];
    trapping(module, "settle", &prefix)
}

/// The same module with this code at the beginning of an exported function.
fn trapping(module: &[u8], function: &str, prefix: &[u8]) -> Result<Vec<u8>> {
    let mut made = module.get(..HEADER).context("no module")?.to_vec();
    let mut rest = &module[HEADER..];
    let mut place = None;
    while let [kind, after @ ..] = rest {
        let (content, after) = sized(after).context("a section is cut off")?;
        match *kind {
            IMPORTS => bail!("the numbers of functions begin after the imports, and here are some"),
            EXPORTS => place = exported(content, function),
            _ => {}
        }
        if *kind == CODE {
            let place = place.with_context(|| format!("the module has no function {function}"))?;
            let code = with_prefix(content, place, prefix).context("the code is cut off")?;
            made.extend(section(CODE, &code));
        } else {
            made.extend(section(*kind, content));
        }
        rest = after;
    }
    Ok(made)
}

/// The index of an exported function.
fn exported(exports: &[u8], function: &str) -> Option<usize> {
    let (count, mut rest) = number(exports)?;
    for _ in 0..count {
        let (name, after) = sized(rest)?;
        let ([kind], after) = after.split_first_chunk()?;
        let (place, after) = number(after)?;
        if *kind == FUNCTION && name == function.as_bytes() {
            return Some(place);
        }
        rest = after;
    }
    None
}

/// The code section with additional code in one function, after the function's declaration of variables.
fn with_prefix(code: &[u8], place: usize, prefix: &[u8]) -> Option<Vec<u8>> {
    let (count, mut rest) = number(code)?;
    let mut made = written(count);
    for function in 0..count {
        let (body, after) = sized(rest)?;
        let mut body = body.to_vec();
        if function == place {
            let (groups, mut instructions) = number(&body)?;
            for _ in 0..groups {
                (_, instructions) = number(instructions)?;
                instructions = instructions.get(1..)?;
            }
            let variables = body.len() - instructions.len();
            body.splice(variables..variables, prefix.iter().copied());
        }
        made.extend(written(body.len()));
        made.extend(body);
        rest = after;
    }
    Some(made)
}

fn section(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind], &*written(content.len()), content].concat()
}

/// Reads a number. Returns it and the bytes after it.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (place, byte) in bytes.iter().enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

/// Reads a length and as many bytes. Returns these bytes and the bytes after them.
fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = number(bytes)?;
    rest.split_at_checked(size)
}

fn written(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let seven = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            bytes.push(seven);
            return bytes;
        }
        bytes.push(seven | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: &str = r#"(module
        (func $first (result i32) (i32.const 1))
        (func (export "admit") (param i32 i32 i32 i32 i32) (result i32) (local i64 i32 i32) (i32.const 2))
        (data "kept"))"#;

    #[test]
    fn a_trap_is_put_at_the_beginning_of_one_function() -> Result<()> {
        let made = trapping_routing(&wat::parse_str(MODULE)?)?;
        let expected = MODULE.replace("(i32.const 2)", "(if (local.get 2) (then unreachable)) (i32.const 2)");
        assert_eq!(made, wat::parse_str(expected)?);
        Ok(())
    }

    #[test]
    fn another_revision_has_other_bytes_and_is_a_module() -> Result<()> {
        let module = wat::parse_str(MODULE)?;
        assert_ne!(another(&module, 1), another(&module, 2));
        assert_eq!(
            trapping_routing(&another(&module, 1))?,
            another(&trapping_routing(&module)?, 1)
        );
        Ok(())
    }
}
