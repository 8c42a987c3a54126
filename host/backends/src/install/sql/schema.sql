-- What Turnout keeps on each side: the keys that are still to be mirrored, the fence, the leases of the appliers, and
-- the record of the epochs. It can be run again at any time, and keeps what is there.

create schema if not exists turnout;
revoke all on schema turnout from public;

-- The lowest epoch that is accepted here. A sequence and no table: what it holds is seen at once, whatever snapshot
-- the reader has.
create sequence if not exists turnout.fence as bigint minvalue 0 start 0;
select setval('turnout.fence', 0) from turnout.fence where not is_called;

-- 1 while nobody looks for dirty keys; the next writer sets it to 0, which an applier at rest looks for.
create sequence if not exists turnout.asleep as bigint minvalue 0 start 0;
select setval('turnout.asleep', 1) from turnout.asleep where not is_called;

create table if not exists turnout.repository (
    number smallint primary key,
    schema_name text not null,
    table_name text not null,
    key text[] not null,
    subject text,
    -- The traces of the table before both sides were last compared (`turnout.gaps`).
    compared_files text,
    compared_triggers text,
    -- What the functions that put and remove its rows were written for.
    put_as text,
    remove_as text,
    unique (schema_name, table_name)
);
-- What an earlier version kept there, or did not. Said once: it locks the table.
do $$
begin
    if exists (
        select from pg_attribute
        where attrelid = 'turnout.repository'::regclass and attname in ('read_as', 'verify') and not attisdropped
    ) then
        alter table turnout.repository drop column if exists read_as, drop column if exists verify,
            add column if not exists compared_files text, add column if not exists compared_triggers text;
    end if;
    if not exists (
        select from pg_attribute
        where attrelid = 'turnout.repository'::regclass and attname = 'remove_as' and not attisdropped
    ) then
        alter table turnout.repository add column remove_as text;
    end if;
end $$;

-- The side that this installation was made for. A copy of a database has that of the original.
create table if not exists turnout.side (
    single boolean primary key default true check (single),
    name text not null
);

-- Tables that are to be served and can't be captured, with the reason.
create table if not exists turnout.refused (
    schema_name text not null,
    table_name text not null,
    reason text not null,
    primary key (schema_name, table_name)
);

-- Keys whose row changed here and is to be mirrored. An entry is written in the transaction of the change, and goes
-- only after the other side has the row. No index: an entry is found again by its place, and a writer pays for nothing
-- that only the mirror would use.
create table if not exists turnout.dirty (
    -- The epoch that the writer carried, or the fence if it carried none.
    epoch bigint not null,
    xid xid8 not null default pg_current_xact_id(),
    at timestamptz not null default clock_timestamp(),
    repository smallint not null,
    -- Whether the writer carried no epoch: the change was made behind Turnout's back.
    behind boolean not null,
    key text not null,
    subject text
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0);

-- Entries have no key, and PostgreSQL refuses to delete from a published table without one (`create publication … for all tables`). Said
-- once: it locks the table.
do $$
begin
    if (select relreplident from pg_class where oid = 'turnout.dirty'::regclass) <> 'f' then
        alter table turnout.dirty replica identity full;
    end if;
end $$;

-- Dirty keys whose row could not be applied: they are tried again when due, until they are parked.
create table if not exists turnout.held (
    repository smallint not null,
    key text not null,
    -- Whose row it was and is, and the transactions that changed it, the last sixteen.
    subjects text[] not null,
    xids bigint[] not null,
    epoch bigint not null,
    behind boolean not null,
    attempts integer not null,
    since timestamptz not null,
    due timestamptz not null,
    sqlstate text not null,
    reason text not null,
    parked_at timestamptz,
    primary key (repository, key)
);
create index if not exists held_due on turnout.held (repository, due) where parked_at is null;

-- Keys that were applied here and may have changed here since, until the other side has acknowledged them, each with the
-- snapshot that its row was read in there.
create table if not exists turnout.receipt (
    repository smallint not null,
    key text not null,
    seen pg_snapshot not null,
    primary key (repository, key)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0);

-- Keys that the other side has received, each with the snapshot that its row was read in: what that shows of the dirty keys here
-- is done with, and goes when an applier comes to it: to look for it at once takes too long in a large table.
create table if not exists turnout.noted (
    repository smallint not null,
    key text not null,
    seen pg_snapshot not null,
    xid xid8 not null default pg_current_xact_id(),
    primary key (repository, key)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0);

-- Keys whose rows differ between the sides and are not mirrored: changes that were made behind Turnout's back on the side that is not the
-- authority, rows that were not mirrored before a forced failover, parked keys that were given up, and what comparisons found.
create table if not exists turnout.divergence (
    repository smallint not null,
    key text not null,
    epoch bigint not null,
    -- When it was last found.
    at timestamptz not null default clock_timestamp(),
    reason text not null,
    -- When it was first found, and by what: an entry made behind Turnout's back (direct), a walk, or a read.
    since timestamptz not null default clock_timestamp(),
    found_by text not null default 'direct',
    -- The columns that differ; null if they were not looked at.
    columns text[],
    -- How often it was to be repaired.
    repairs integer not null default 0,
    primary key (repository, key)
);
-- What an earlier version lacks. Said once: it locks the table.
do $$
begin
    if not exists (
        select from pg_attribute where attrelid = 'turnout.divergence'::regclass and attname = 'repairs' and not attisdropped
    ) then
        alter table turnout.divergence
            add column since timestamptz not null default clock_timestamp(), add column found_by text not null default 'direct',
            add column columns text[], add column repairs integer not null default 0;
    end if;
end $$;

-- Divergences that are over, for a week, with what ended them.
create table if not exists turnout.past_divergence (
    repository smallint not null,
    key text not null,
    epoch bigint not null,
    since timestamptz not null,
    found_by text not null,
    columns text[],
    reason text not null,
    ended_at timestamptz not null default clock_timestamp(),
    ended_by text not null
);
create index if not exists past_divergence_key on turnout.past_divergence (repository, key);
create index if not exists past_divergence_ended_at on turnout.past_divergence (ended_at);

-- What was proved, on the side `new` alone. Each entry holds the digest of the one before, so a gap shows.
create table if not exists turnout.evidence (
    number bigint primary key,
    at timestamptz not null default clock_timestamp(),
    kind text not null,
    host text not null,
    version text not null,
    epoch bigint,
    repositories text[] not null,
    result json not null,
    -- The SHA-256 of the entry before, and of this one with that.
    before text not null,
    digest text not null
);

-- Rows that cleanups removed on this side, until the time is over in which they can be put back. They are personal data.
create table if not exists turnout.archive (
    place bigint generated always as identity primary key,
    cleanup text not null,
    repository smallint not null,
    key text not null,
    -- Each value as the text that its type writes.
    body json not null,
    epoch bigint not null,
    at timestamptz not null default clock_timestamp(),
    restored_at timestamptz
);
create index if not exists archive_cleanup on turnout.archive (cleanup, place);

-- What a command has done so far, so that it can be resumed.
create table if not exists turnout.unfinished (
    command text primary key,
    at timestamptz not null default clock_timestamp(),
    state json not null
);

-- Who applies the dirty keys of this side to the other (outgoing), and of the other to this one (incoming). The token
-- grows with each taker.
create table if not exists turnout.lease (
    direction text primary key check (direction in ('outgoing', 'incoming')),
    token bigint not null,
    holder text,
    renewed_at timestamptz,
    -- The last batch: of the incoming direction the last that was applied here, of the outgoing one the last that was acknowledged here.
    tick bigint not null default 0,
    -- Of the incoming direction the last acknowledgement that the other side is known to keep, whatever crashes.
    shown bigint not null default 0
) with (fillfactor = 10);
-- What an earlier version lacks. Said once: it locks the table.
do $$
begin
    if not exists (
        select from pg_attribute where attrelid = 'turnout.lease'::regclass and attname = 'tick' and not attisdropped
    ) then
        alter table turnout.lease add column tick bigint not null default 0, add column shown bigint not null default 0;
    end if;
end $$;
insert into turnout.lease (direction, token) values ('outgoing', 0), ('incoming', 0) on conflict do nothing;

-- Sides that showed less than they once did: they were restored from the past. No authority moves to or from them, and nothing is mirrored,
-- until a person says which side's rows count.
create table if not exists turnout.rewound (
    side text primary key check (side in ('old', 'new')),
    found_at timestamptz not null default clock_timestamp(),
    reason text not null
);

-- The policy sets that were or are in force. Both sides hold the same record; who makes an epoch writes it on `old`
-- first, and the primary key lets only one do so.
create table if not exists turnout.epoch (
    epoch bigint primary key,
    set json not null,
    -- The side that a forced failover made the authority of everything.
    forced text,
    made_at timestamptz not null default clock_timestamp(),
    released_at timestamptz,
    -- The repositories whose two sides have been compared since this set began to mirror them.
    converged text[] not null default '{}'
);

-- The modules of those sets, by the SHA-256 of their bytes.
create table if not exists turnout.module (
    digest text primary key,
    bytes bytea not null
);
-- To compress a module takes several times as long as to write it. Said once: it locks the table.
do $$
begin
    if exists (
        select from pg_attribute
        where attrelid = 'turnout.module'::regclass and attname = 'bytes' and attstorage <> 'e'
    ) then
        alter table turnout.module alter column bytes set storage external;
    end if;
end $$;

-- What the hosts compared, by ten seconds, on the side `new` alone: so a window survives a restart, and hosts add up.
create table if not exists turnout.comparison (
    at timestamptz not null,
    repository smallint not null,
    source text not null,
    equal bigint not null,
    unsettled bigint not null,
    diverged bigint not null,
    dropped bigint not null,
    failed bigint not null,
    primary key (at, repository, source)
);

-- When the hosts last raised an alert of each kind about what was compared, on the side `new` alone: so a restart or a second host raises
-- none anew.
create table if not exists turnout.raised (
    kind text primary key,
    at timestamptz not null
);
