-- What tests leave behind in a production database: clients with the marks of test rows, some of them with bookings.

INSERT INTO clients (phone, name, notes, created_at, updated_at) VALUES
    ('89990001111', '[TEST_CLIENT] Анна', NULL, '2026-02-10 10:00+03', '2026-02-10 10:00+03'),
    ('+7 999 000-22-22', '[TEST_CLIENT] Boris', 'left by the load test', '2026-02-10 10:05+03', '2026-02-10 10:05+03'),
    ('79990003333', 'Vera [TEST_CLIENT]', NULL, '2026-02-11 09:00+03', '2026-02-11 09:00+03');

INSERT INTO bookings (company_id, client_id, client_phone, staff_id, service_id, datetime, price, created_at, updated_at)
SELECT 1, id, phone, 1, 1, '2026-03-20 10:00+03', 2500, created_at, updated_at
FROM clients WHERE phone IN ('89990001111', '+7 999 000-22-22');
