-- A music school: what the tests of @supabase/supabase-js read and write. Loaded on both sides before Turnout is installed.
-- The tables before `visits` are only read. Each test that writes uses the tables from `visits` on and removes its rows again.

create type pupil_state as enum ('new', 'regular', 'left');

create table instruments (
    id int primary key,
    name text not null unique,
    tags text[] not null,
    price numeric(8, 2),
    made jsonb,
    octaves int4range,
    described tsvector not null
);

create table teachers (
    id int primary key,
    name text not null,
    boss_id int references teachers
);

create table teaches (
    teacher_id int references teachers,
    instrument_id int references instruments,
    since date not null,
    primary key (teacher_id, instrument_id)
);

create table pupils (
    phone text primary key,
    name text not null,
    state pupil_state not null default 'new',
    birthday date,
    about text not null default ''
);

create table cards (
    phone text primary key references pupils,
    number text not null
);

create table lessons (
    id int primary key,
    phone text not null references pupils,
    teacher_id int not null references teachers,
    substitute_id int references teachers,
    at timestamptz not null,
    price numeric(8, 2) not null,
    paid boolean
);

create table seats (
    hall text,
    number int,
    label text not null,
    primary key (hall, number)
);

create table tickets (
    id int primary key,
    hall text not null,
    number int not null,
    foreign key (hall, number) references seats
);

create view regulars as select phone, name from pupils where state = 'regular';

create schema attic;

create table attic.letters (
    id int primary key,
    body text not null
);

create table visits (
    phone text not null,
    day date not null,
    name text,
    tags text[],
    made jsonb,
    state pupil_state not null default 'new',
    "words said" text,
    primary key (phone, day)
);

create table counters (
    id int primary key,
    label text unique,
    total bigint default 7,
    amount numeric check (amount >= 0),
    teacher_id int references teachers
);

insert into instruments values
    (1, 'violin', '{strings,wood}', 1500.50, '{"by": "Stradivari", "year": 1715, "woods": ["spruce", "maple"]}', '[3,7)', 'bow string wood'),
    (2, 'tuba', '{brass}', 9800.00, '{"by": "Miraphone", "year": 1990, "woods": []}', '[1,4)', 'brass loud valve'),
    (3, 'piano', '{strings,keys,wood}', 25000.00, null, '[1,9)', 'keys loud string'),
    (4, 'triangle', '{}', null, '{"by": null}', null, 'steel small');

insert into teachers values
    (1, 'Анна Каренина', null),
    (2, 'O''Brien, "Bob" (junior)', 1),
    (3, 'Zoë 🎻', 1);

insert into teaches values (1, 1, '2019-09-01'), (1, 3, '2015-09-01'), (2, 2, '2020-01-15'), (3, 1, '2021-05-05');

insert into pupils values
    ('+79161234567', 'Иван Петров', 'regular', '2001-02-03', 'Plays the violin loudly every morning'),
    ('+7 916 123 45 68', 'Мария, «Маша»', 'regular', null, 'The fat cat sat on the piano'),
    ('8 (916) 000-00-01', 'Tom "T" (the) O''Neil', 'new', '1999-12-31', 'Cats and rats'),
    ('+995555000111', 'ნინო 🎹', 'left', '2010-07-07', '');

insert into cards values ('+79161234567', 'A-1'), ('+7 916 123 45 68', 'A-2');

insert into lessons values
    (1, '+79161234567', 1, 3, '2024-01-10 10:00+00', 1000.00, true),
    (2, '+79161234567', 2, null, '2024-01-11 10:00+00', 1200.50, false),
    (3, '+7 916 123 45 68', 1, null, '2024-01-12 10:00+00', 900.00, null),
    (4, '8 (916) 000-00-01', 2, 1, '2024-01-13 10:00+00', 700.00, true);

insert into seats values ('large', 1, 'left'), ('large', 2, 'right'), ('small', 1, 'only');

insert into tickets values (1, 'large', 2), (2, 'small', 1), (3, 'large', 2);

insert into attic.letters values (1, 'Дорогая Анна'), (2, 'Yours, B.');

-- One value.
create function spent(phone text) returns numeric language sql stable
    as $$ select coalesce(sum(l.price), 0) from lessons l where l.phone = spent.phone $$;

create function greeting(name text default 'мир') returns text language sql immutable
    as $$ select 'Привет, ' || name $$;

create function longest(words text[]) returns text language sql immutable
    as $$ select word from unnest(words) word order by length(word) desc limit 1 $$;

create function total_of(variadic numbers int[]) returns bigint language sql immutable
    as $$ select sum(number) from unnest(numbers) number $$;

create function as_object(a int, b text) returns jsonb language sql immutable
    as $$ select jsonb_build_object('a', a, 'b', b) $$;

create function echoed(json) returns json language sql immutable
    as $$ select $1 $$;

-- Many values, rows of a table, rows of its own, one row, nothing.
create function up_to(last int) returns setof int language sql immutable
    as $$ select generate_series(1, last) $$;

create function lessons_of(phone text) returns setof lessons language sql stable
    as $$ select * from lessons l where l.phone = lessons_of.phone $$;

create function price_list(floor numeric default 0) returns table (name text, price numeric) language sql stable
    as $$ select i.name, i.price from instruments i where i.price >= floor $$;

create function pupil_named(part text) returns pupils language sql stable
    as $$ select * from pupils p where p.name like '%' || part || '%' limit 1 $$;

create function nothing() returns void language sql immutable
    as '';

create function attic.letter_about(word text) returns text language sql stable
    as $$ select body from attic.letters where body like '%' || word || '%' $$;

-- Writes.
create function count_up(counter int) returns bigint language sql volatile
    as $$ update counters set total = total + 1 where id = counter returning total $$;

create function clear_counters(above int) returns setof counters language sql volatile
    as $$ update counters set total = 0 where id > above returning * $$;

-- Names with several functions.
create function half(a int) returns int language sql immutable
    as $$ select a / 2 $$;

create function half(b text) returns text language sql immutable
    as $$ select left(b, length(b) / 2) $$;

create function twice(value text) returns text language sql immutable
    as $$ select value || value $$;

create function twice(value int) returns int language sql immutable
    as $$ select value * 2 $$;

-- Errors and answers of a function's own.
create function refuse(what text) returns void language plpgsql
    as $$ begin raise exception 'No %', what using errcode = 'P0001', detail = 'Details', hint = 'A hint'; end $$;

create function refuse_with_status() returns void language plpgsql
    as $$ begin
        raise sqlstate 'PGRST' using
            message = '{"code": "123", "message": "Pay first", "details": "No money", "hint": "Pay"}',
            detail = '{"status": 402, "headers": {"X-Price": "10"}}';
    end $$;

create function teapot() returns text language plpgsql
    as $$ begin perform set_config('response.status', '418', true); return 'short and stout'; end $$;

-- Computed columns and relationships.
create function initial(pupils) returns text language sql stable
    as $$ select left($1.name, 1) $$;

create function last_lesson(pupils) returns setof lessons rows 1 language sql stable
    as $$ select * from lessons l where l.phone = $1.phone order by l.at desc limit 1 $$;

create function taught_by(teachers) returns setof instruments language sql stable
    as $$ select i.* from instruments i join teaches t on t.instrument_id = i.id where t.teacher_id = $1.id $$;
