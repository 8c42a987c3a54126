-- What must be the same on every host of the site, and which policy sets were ever in force. Both outlive the record of
-- the epochs, which keeps the last ones only.

-- A description holds from its epoch on, until a later epoch has another.
create table if not exists turnout.site (
    epoch bigint primary key,
    description jsonb not null
);

-- The description of the site under an epoch; null if none was recorded by then.
create or replace function turnout.site_at(epoch bigint) returns text
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    select description::text from turnout.site where site.epoch <= site_at.epoch order by site.epoch desc limit 1
$$;

-- Has an epoch, and those after it, hold for this description of the site. Called in the transaction that records the
-- epoch, so that no host sees one without the other.
create or replace function turnout.describe_site(epoch bigint, description text) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if description is not null and turnout.site_at(epoch)::jsonb is distinct from description::jsonb then
        insert into turnout.site (epoch, description) values (describe_site.epoch, describe_site.description::jsonb)
        on conflict on constraint site_pkey do nothing;
    end if;
    return true;
end $$;

-- Records the description of a site that has none yet, as one of an earlier version. Returns the description that is
-- recorded afterwards: of two hosts that call this at once, the primary key lets one decide.
create or replace function turnout.first_description(epoch bigint, description text) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if turnout.site_at(epoch) is null then
        insert into turnout.site (epoch, description)
        values (first_description.epoch, first_description.description::jsonb)
        on conflict on constraint site_pkey do nothing;
    end if;
    return turnout.site_at(epoch);
end $$;

-- The digests of the policy sets that were in force, each with the last epoch that it was in force under.
create table if not exists turnout.past_set (
    digest text primary key,
    epoch bigint not null
);

-- Notes that a policy set is in force under an epoch.
create or replace function turnout.remember_set(digest text, epoch bigint) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    insert into turnout.past_set as known (digest, epoch) values (remember_set.digest, remember_set.epoch)
    on conflict on constraint past_set_pkey do update set epoch = greatest(known.epoch, excluded.epoch)
$$;

-- The last epoch that a policy set was in force under; null if it never was.
create or replace function turnout.epoch_of_set(digest text) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select epoch from turnout.past_set where past_set.digest = epoch_of_set.digest $$;
