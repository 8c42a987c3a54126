use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, LinkerInstance, Lower, WasmList};

use super::{Handle, handle};
use crate::log::MESSAGE_BYTES;
use crate::policy::State;

/// How many bytes a policy may print at a time.
const WRITABLE: u64 = 4096;

/// Why a stream gave or took nothing.
#[derive(ComponentType, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    #[expect(dead_code, reason = "the type has it, but nothing is done that can fail")]
    LastOperationFailed(Handle),
    #[component(name = "closed")]
    Closed,
}

type Answer<T> = Result<T, StreamError>;

/// Every pollable is always ready, so that no wait blocks the host. A policy that goes on waiting runs into its bound of CPU time.
pub(super) fn poll(functions: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    functions.func_wrap("[method]pollable.ready", |_, (_,): (Handle,)| Ok((true,)))?;
    functions.func_wrap("[method]pollable.block", |_, (_,): (Handle,)| Ok(()))?;
    functions.func_wrap("poll", |_, (pollables,): (WasmList<Handle>,)| {
        let ready: Vec<u32> = (0..).take(pollables.len()).collect();
        Ok((ready,))
    })
}

/// Input streams are at their end; what is written to output streams goes to the log.
pub(super) fn streams(functions: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    for read in ["[method]input-stream.read", "[method]input-stream.blocking-read"] {
        functions.func_wrap(read, |_, (_, _): (Handle, u64)| {
            Ok((Answer::<Vec<u8>>::Err(StreamError::Closed),))
        })?;
    }
    for subscribe in ["[method]input-stream.subscribe", "[method]output-stream.subscribe"] {
        functions.func_wrap(subscribe, |_, (_,): (Handle,)| Ok((handle(),)))?;
    }
    functions.func_wrap("[method]output-stream.check-write", |_, (_,): (Handle,)| {
        Ok((Answer::Ok(WRITABLE),))
    })?;
    for write in [
        "[method]output-stream.write",
        "[method]output-stream.blocking-write-and-flush",
    ] {
        functions.func_wrap(
            write,
            |mut store: StoreContextMut<'_, State>, (_, bytes): (Handle, WasmList<u8>)| {
                let bytes = bytes.as_le_slice(&store);
                let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MESSAGE_BYTES)]).into_owned();
                store.data_mut().print(&text);
                Ok((Answer::Ok(()),))
            },
        )?;
    }
    for flush in ["[method]output-stream.flush", "[method]output-stream.blocking-flush"] {
        functions.func_wrap(flush, |_, (_,): (Handle,)| Ok((Answer::Ok(()),)))?;
    }
    Ok(())
}
