-- One company and 1,299 clients, the same wherever and whenever this runs: no random(), no now().

INSERT INTO companies (id, yclients_id, title, address, settings, created_at, updated_at) VALUES
    (1, 962302, 'Салон «Стрелка»', 'Москва, ул. Путевая, 7',
     '{"language": "ru", "reminder_hours": [24, 2], "online_booking": true, "deposit": 500.50}',
     '2024-02-01 09:00+03', '2026-02-01 09:00+03');

INSERT INTO services (id, yclients_id, company_id, title, category, price, minutes, is_active, created_at, updated_at)
SELECT id, 18200000 + id * 13, 1, title, category, price, minutes, id <> 20, '2024-02-01 10:00+03', '2026-01-10 10:00+03'
FROM unnest(
    ARRAY['Стрижка женская', 'Стрижка мужская', 'Стрижка детская', 'Укладка', 'Окрашивание в один тон', 'Мелирование',
          'Airtouch', 'Уход для волос', 'Борода', 'Бритьё', 'Маникюр', 'Маникюр с покрытием', 'Педикюр',
          'Педикюр с покрытием', 'Снятие покрытия', 'Брови: форма', 'Брови: окрашивание', 'Ресницы', 'Массаж лица',
          'Массаж спины', 'Чистка лица', 'Пилинг', 'Макияж дневной', 'Макияж вечерний'],
    ARRAY['hair', 'hair', 'hair', 'hair', 'colour', 'colour', 'colour', 'hair', 'barber', 'barber', 'nails', 'nails',
          'nails', 'nails', 'nails', 'brows', 'brows', 'brows', 'face', 'body', 'face', 'face', 'makeup', 'makeup'],
    ARRAY[2500, 1800, 1200, 1500, 5200, 6400, 9800.50, 2200, 1000, 1300, 1400, 2300, 1900, 2900, 500, 900, 1100, 2600,
          2400, 2800, 3200, 2700, 3000, 4500]::numeric[],
    ARRAY[60, 45, 40, 45, 120, 150, 210, 40, 30, 40, 60, 90, 60, 100, 20, 30, 40, 90, 50, 60, 70, 45, 60, 90]
) WITH ORDINALITY AS service (title, category, price, minutes, id);

INSERT INTO staff (id, yclients_id, company_id, name, specialization, rating, is_active, created_at, updated_at)
SELECT id, 2895000 + id * 7, 1, name, specialization, rating, id <> 8, '2024-02-01 11:00+03', '2026-01-10 11:00+03'
FROM unnest(
    ARRAY['Мария Соколова', 'Бари Ахметов', 'Ольга Лебедева', 'Sergey Orlov', 'Рамзан Юсупов', 'Екатерина Новикова',
          'Anna Petrova', 'Дарья Зайцева'],
    ARRAY['Стилист', 'Барбер', 'Колорист', 'Барбер', 'Барбер', 'Мастер ногтевого сервиса', 'Косметолог', NULL],
    ARRAY[4.95, 4.80, 4.92, 4.70, 4.88, 4.99, 4.85, NULL]::numeric[]
) WITH ORDINALITY AS person (name, specialization, rating, id);

-- Five days of work, then two off, each person on another day.
INSERT INTO staff_schedules (id, staff_id, company_id, date, is_working, work_start, work_end, updated_at)
SELECT row_number() OVER (ORDER BY staff_id, day), staff_id, 1, date '2026-01-01' + day, works,
       CASE WHEN works THEN time '09:00' + staff_id % 3 * interval '1 hour' END,
       CASE WHEN works THEN time '18:00' + staff_id % 3 * interval '1 hour' END,
       '2025-12-20 12:00+03'
FROM generate_series(1, 8) AS staff_id, generate_series(0, 119) AS day, LATERAL (SELECT (day + staff_id) % 7 < 5) AS shift (works);

-- Bookings come first, so that what a client's row says of visits is true.
CREATE TEMPORARY TABLE planned ON COMMIT DROP AS
SELECT client_id, 1 + (client_id + visit) % 8 AS staff_id, service.id AS service_id, service.price, datetime,
       CASE
           WHEN (client_id + visit) % 11 = 0 THEN 'cancelled'
           WHEN datetime > '2026-03-15' THEN 'confirmed'
           WHEN (client_id + visit) % 17 = 0 THEN 'no_show'
           ELSE 'completed'
       END AS status
FROM generate_series(1, 1299) AS client_id,
     generate_series(1, (client_id + 2) % 5) AS visit,
     LATERAL (SELECT timestamptz '2026-01-05 10:00+03' + (client_id * 7 + visit * 31) % 110 * interval '1 day'
                     + (client_id + visit) % 9 * interval '1 hour') AS moment (datetime)
JOIN LATERAL (SELECT id, price FROM services WHERE id = 1 + (client_id * 5 + visit) % 24) AS service ON true;

-- The client with the test phone is the first. Every ninth name is in Latin letters. Seven digits that never repeat
-- (the factor has no divisor in common with 10,000,000) make the phones unique.
INSERT INTO clients (id, yclients_id, company_id, phone, name, email, birth_date, visit_count, total_spent,
                     last_visit_at, tags, notes, created_at, updated_at)
SELECT id, 240000000 + id * 37, 1,
       CASE id WHEN 1 THEN '89686484488'
               ELSE '8' || codes[1 + id % 12] || lpad((id * 2345671::bigint % 10000000)::text, 7, '0') END,
       CASE WHEN id % 9 = 0 THEN latin_first[1 + id / 9 % 12] || ' ' || latin_last[1 + id / 108 % 12]
            WHEN id % 4 = 0 THEN his[1 + id / 4 % 16] || ' ' || family[1 + id * 7 % 25]
            ELSE her[1 + id % 20] || ' ' || family[1 + id * 7 % 25] || 'а' END,
       CASE WHEN id % 3 = 0 THEN 'client' || id || '@example.com' END,
       CASE WHEN id % 4 > 0 THEN date '1965-01-01' + id * 97 % 15000 END,
       coalesce(visits.count, 0), coalesce(visits.spent, 0), visits.last,
       array_remove(ARRAY[CASE WHEN visits.spent >= 10000 THEN 'vip' END, CASE WHEN id % 6 = 0 THEN 'telegram' END,
                          CASE WHEN visits.count IS NULL THEN 'new' END], NULL),
       CASE WHEN id % 50 = 0 THEN 'Просит "как в прошлый раз" 🙂' WHEN id % 21 = 0 THEN 'Аллергия на аммиак'
            WHEN id % 33 = 0 THEN 'Doesn''t like loud music' END,
       timestamptz '2024-03-01 08:00+03' + id * interval '11 hours', coalesce(visits.last, '2026-01-01 08:00+03')
FROM generate_series(1, 1299) AS id
LEFT JOIN (SELECT client_id, count(*), sum(price) AS spent, max(datetime) AS last FROM planned
           WHERE status = 'completed' GROUP BY client_id) AS visits ON client_id = id,
     (SELECT ARRAY['903', '905', '909', '910', '915', '916', '925', '926', '963', '968', '977', '985'],
             ARRAY['Анна', 'Мария', 'Елена', 'Ольга', 'Наталья', 'Екатерина', 'Татьяна', 'Ирина', 'Светлана', 'Юлия',
                   'Анастасия', 'Дарья', 'Алина', 'Виктория', 'Полина', 'Ксения', 'Софья', 'Вера', 'Алёна', 'Марина'],
             ARRAY['Александр', 'Дмитрий', 'Максим', 'Сергей', 'Андрей', 'Алексей', 'Артём', 'Илья', 'Кирилл', 'Михаил',
                   'Никита', 'Роман', 'Егор', 'Иван', 'Павел', 'Тимур'],
             ARRAY['Иванов', 'Смирнов', 'Кузнецов', 'Попов', 'Васильев', 'Петров', 'Соколов', 'Михайлов', 'Новиков',
                   'Фёдоров', 'Морозов', 'Волков', 'Алексеев', 'Лебедев', 'Семёнов', 'Егоров', 'Павлов', 'Козлов',
                   'Степанов', 'Николаев', 'Орлов', 'Андреев', 'Макаров', 'Никитин', 'Захаров'],
             ARRAY['Anna', 'Maria', 'John', 'Kate', 'Olivia', 'Peter', 'Emma', 'Daniel', 'Sofia', 'Alex', 'Julia', 'Mark'],
             ARRAY['Smith', 'O''Brien', 'Johnson', 'Miller', 'Novak', 'Brown', 'Garcia', 'Wilson', 'Müller', 'Clark',
                   'Ivanova', 'Lee']
     ) AS words (codes, her, his, family, latin_first, latin_last);

INSERT INTO bookings (id, yclients_record_id, company_id, client_id, client_phone, staff_id, service_id, datetime, price,
                      status, comment, created_at, updated_at)
SELECT row_number, 1180000000 + row_number * 19, 1, client_id, phone, staff_id, service_id, datetime, price, status,
       CASE WHEN row_number % 25 = 0 THEN 'Просит перезвонить' END, datetime - interval '3 days', datetime - interval '1 day'
FROM (SELECT row_number() OVER (ORDER BY datetime, client_id), * FROM planned) AS planned
JOIN clients ON clients.id = client_id;

INSERT INTO dialog_contexts (id, user_id, company_id, state, last_activity, created_at)
SELECT row_number() OVER (ORDER BY id), phone, 1,
       jsonb_build_object('step', (ARRAY['greeting', 'choosing_service', 'choosing_time', 'confirmed'])[1 + id % 4],
                          'service_id', 1 + id % 24, 'unread', id % 5, 'draft', NULL),
       timestamptz '2026-02-01 08:00+03' + id * interval '47 minutes', '2026-02-01 08:00+03'
FROM clients WHERE id % 3 = 1;

-- The rows brought their ids; the sequences go on after them.
SELECT setval('companies_id_seq', max(id)) FROM companies;
SELECT setval('clients_id_seq', max(id)) FROM clients;
SELECT setval('services_id_seq', max(id)) FROM services;
SELECT setval('staff_id_seq', max(id)) FROM staff;
SELECT setval('staff_schedules_id_seq', max(id)) FROM staff_schedules;
SELECT setval('dialog_contexts_id_seq', max(id)) FROM dialog_contexts;
SELECT setval('bookings_id_seq', max(id)) FROM bookings;

ANALYZE;
