-- What Turnout keeps on each side: the keys that are still to be mirrored, the fence, the leases of the appliers, and
-- the record of the epochs. It can be run again at any time, and keeps what is there.

create schema if not exists turnout;
revoke all on schema turnout from public;

-- The lowest epoch that is accepted here. A sequence and no table: what it holds is seen at once, whatever snapshot
-- the reader has.
create sequence if not exists turnout.fence as bigint minvalue 0 start 0;
select setval('turnout.fence', 0) from turnout.fence where not is_called;

-- 1 while nobody looks for dirty keys, so that the next one must call.
create sequence if not exists turnout.asleep as bigint minvalue 0 start 0;
select setval('turnout.asleep', 1) from turnout.asleep where not is_called;

create table if not exists turnout.repository (
    number smallint primary key,
    schema_name text not null,
    table_name text not null,
    key text[] not null,
    subject text,
    -- The table was truncated: both sides are to be compared.
    verify boolean not null default false,
    -- What the function that puts its rows was written for.
    put_as text,
    unique (schema_name, table_name)
);
-- What an earlier version kept there. Said once: it locks the table.
do $$
begin
    if exists (
        select from pg_attribute
        where attrelid = 'turnout.repository'::regclass and attname = 'read_as' and not attisdropped
    ) then
        alter table turnout.repository drop column read_as;
    end if;
end $$;

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

-- Changes that were made behind Turnout's back on the side that is not the authority of their key, or that were not
-- mirrored before a forced failover. They are shown, never mirrored.
create table if not exists turnout.divergence (
    repository smallint not null,
    key text not null,
    epoch bigint not null,
    at timestamptz not null default clock_timestamp(),
    reason text not null,
    primary key (repository, key)
);

-- Who applies the dirty keys of this side to the other (outgoing), and of the other to this one (incoming). The token
-- grows with each taker.
create table if not exists turnout.lease (
    direction text primary key check (direction in ('outgoing', 'incoming')),
    token bigint not null,
    holder text,
    renewed_at timestamptz
) with (fillfactor = 10);
insert into turnout.lease (direction, token) values ('outgoing', 0), ('incoming', 0) on conflict do nothing;

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
