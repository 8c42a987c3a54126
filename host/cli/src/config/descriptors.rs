use nix::sys::resource::{Resource, getrlimit};

/// What a host needs beside the connections of clients and of operations: the mirror's and the handoff's connections, files,
/// compiled policies, the runtime.
const RESERVE: u64 = 128;

/// The most connections of clients, unless the configuration says.
const CONNECTIONS: usize = 1024;

/// How many connections of clients there may be where so many were asked for: no more than the file descriptors of this process
/// leave room for beside pools of this size. With a warning where that is less than asked for.
pub(super) fn connections(asked: Option<usize>, pools: u32) -> (usize, Option<String>) {
    // Where the system does not say, as many as most systems grant.
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(now, _)| now);
    let room = limit.saturating_sub(RESERVE + u64::from(pools)).max(1);
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    let warning = asked.filter(|&asked| asked > room).map(|asked| {
        format!(
            "`api.connections` is {asked}, and the {limit} file descriptors of this process leave room for {room}: set it to that, \
             or raise the limit (`ulimit -n`, systemd's LimitNOFILE)"
        )
    });
    (asked.unwrap_or(CONNECTIONS).min(room), warning)
}
