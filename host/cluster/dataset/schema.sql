-- A booking assistant for salons. `phone`, `user_id` and `client_phone` hold the subject.

CREATE TABLE companies (
    id          serial PRIMARY KEY,
    yclients_id bigint NOT NULL UNIQUE,
    title       text NOT NULL,
    address     text,
    timezone    text NOT NULL DEFAULT 'Europe/Moscow',
    settings    jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE clients (
    id            serial PRIMARY KEY,
    yclients_id   bigint,
    company_id    integer REFERENCES companies (id),
    phone         text UNIQUE,
    name          text NOT NULL,
    email         text,
    birth_date    date,
    visit_count   integer NOT NULL DEFAULT 0,
    total_spent   numeric(12, 2) NOT NULL DEFAULT 0,
    last_visit_at timestamptz,
    tags          text[] NOT NULL DEFAULT '{}',
    notes         text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (yclients_id, company_id)
);

CREATE TABLE services (
    id          serial PRIMARY KEY,
    yclients_id bigint,
    company_id  integer REFERENCES companies (id),
    title       text NOT NULL,
    category    text,
    price       numeric(10, 2),
    minutes     integer,
    is_active   boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (yclients_id, company_id)
);

CREATE TABLE staff (
    id             serial PRIMARY KEY,
    yclients_id    bigint,
    company_id     integer REFERENCES companies (id),
    name           text NOT NULL,
    specialization text,
    rating         numeric(3, 2),
    is_active      boolean NOT NULL DEFAULT true,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (yclients_id, company_id)
);

CREATE TABLE staff_schedules (
    id         serial PRIMARY KEY,
    staff_id   integer NOT NULL REFERENCES staff (id),
    company_id integer REFERENCES companies (id),
    date       date NOT NULL,
    is_working boolean NOT NULL DEFAULT true,
    work_start time,
    work_end   time,
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (staff_id, date, company_id)
);

CREATE TABLE dialog_contexts (
    id            serial PRIMARY KEY,
    user_id       text NOT NULL,
    company_id    integer REFERENCES companies (id),
    state         jsonb NOT NULL DEFAULT '{}',
    last_activity timestamptz NOT NULL DEFAULT now(),
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (user_id, company_id)
);

CREATE TABLE bookings (
    id                 serial PRIMARY KEY,
    yclients_record_id bigint,
    company_id         integer REFERENCES companies (id),
    client_id          integer REFERENCES clients (id),
    client_phone       text,
    staff_id           integer REFERENCES staff (id),
    service_id         integer REFERENCES services (id),
    datetime           timestamptz NOT NULL,
    price              numeric(10, 2),
    status             text NOT NULL DEFAULT 'confirmed' CHECK (status IN ('confirmed', 'completed', 'cancelled', 'no_show')),
    comment            text,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (yclients_record_id, company_id)
);

CREATE INDEX ON bookings (client_phone);
CREATE INDEX ON bookings (datetime);
