use nix::sys::resource::{Resource, getrlimit};

/// How many file descriptors a host needs beside those of client connections and of the pools: for the connections of the mirror and of the
/// handoff, files, compiled policies, and the runtime.
const RESERVE: u64 = 128;

/// How many client connections there may be by default.
const CONNECTIONS: usize = 1024;

/// How many client connections there may be if `asked` are configured. The file descriptors of this process must suffice for them and for
/// pools of `pools` connections. The second value is a warning if they do not suffice for all that were asked for.
pub(super) fn connections(asked: Option<usize>, pools: u32) -> (usize, Option<String>) {
    // If the system does not tell the limit, assume the one of most systems.
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
