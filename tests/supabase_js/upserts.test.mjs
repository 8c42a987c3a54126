import { afterEach, test } from 'node:test'
import { answers, client, refuses, removeWritten } from './client.mjs'

const counters = client.from('counters')
const visits = client.from('visits')
const stored = () => client.from('counters').select('id, label, total').order('id')

afterEach(removeWritten)

test('upsert is 201 where it adds a row and 200 where it adds none', async () => {
  await answers(counters.upsert({ id: 1, label: 'a' }).select('id, label, total'), {
    status: 201,
    data: [{ id: 1, label: 'a', total: 7 }],
  })
  await answers(counters.upsert({ id: 1, label: 'b' }).select('id, label, total'), {
    data: [{ id: 1, label: 'b', total: 7 }],
  })
  await answers(
    counters.upsert([
      { id: 1, label: 'c' },
      { id: 2, label: 'd' },
    ]),
    { status: 201 },
  )
  await answers(counters.upsert({ id: 2, label: 'e' }), {})
  await answers(stored(), {
    data: [
      { id: 1, label: 'c', total: 7 },
      { id: 2, label: 'e', total: 7 },
    ],
  })
})

test('upsert takes a key of several columns', async () => {
  const visit = { phone: '8 (916) 000-00-01', day: '2024-01-01', name: 'Tom' }
  await answers(visits.upsert(visit), { status: 201 })
  await answers(visits.upsert({ ...visit, name: 'Том' }, { onConflict: 'phone, day' }).select('name'), {
    data: [{ name: 'Том' }],
  })
})

test('onConflict takes another unique column', async () => {
  await answers(counters.insert({ id: 1, label: 'a' }), { status: 201 })
  await answers(counters.upsert({ id: 1, label: 'a', total: 5 }, { onConflict: 'label' }).select('id, total'), {
    data: [{ id: 1, total: 5 }],
  })
})

test('onConflict with columns that are not unique is refused', () =>
  refuses(counters.upsert({ id: 1, total: 5 }, { onConflict: 'total' }), 400, {
    code: '42P10',
    message: 'there is no unique or exclusion constraint matching the ON CONFLICT specification',
  }))

test('ignoreDuplicates leaves rows as they are', async () => {
  await answers(counters.insert({ id: 1, label: 'a' }), { status: 201 })
  await answers(counters.upsert({ id: 1, label: 'b' }, { ignoreDuplicates: true }).select(), { status: 201, data: [] })
  await answers(
    counters
      .upsert(
        [
          { id: 1, label: 'b' },
          { id: 2, label: 'c' },
        ],
        { ignoreDuplicates: true },
      )
      .select('id, label'),
    { status: 201, data: [{ id: 2, label: 'c' }] },
  )
  await answers(stored(), {
    data: [
      { id: 1, label: 'a', total: 7 },
      { id: 2, label: 'c', total: 7 },
    ],
  })
})

test('defaultToNull decides what a row that lacks a column gets', async () => {
  await answers(counters.upsert([{ id: 1, total: 1 }, { id: 2 }]).select('id, total'), {
    status: 201,
    data: [
      { id: 1, total: 1 },
      { id: 2, total: null },
    ],
  })
  await answers(counters.upsert([{ id: 1, total: 3 }, { id: 2 }], { defaultToNull: false }).select('id, total'), {
    data: [
      { id: 1, total: 3 },
      { id: 2, total: 7 },
    ],
  })
})

test('the same key twice in one upsert is refused', () =>
  refuses(counters.upsert([{ id: 1 }, { id: 1 }]), 500, {
    code: '21000',
    message: 'ON CONFLICT DO UPDATE command cannot affect row a second time',
    hint: 'Ensure that no rows proposed for insertion within the same command have duplicate constrained values.',
  }))

test('5,000 rows are upserted, upserted again and deleted', async () => {
  const rows = (name) =>
    Array.from({ length: 5000 }, (_, row) => ({
      phone: `+7 999 ${String(row).padStart(7, '0')}`,
      day: '2024-01-01',
      name: `${name} ${row}, "№" 🎻`,
    }))
  const count = (query) => query.like('phone', '+7 999 %')
  await answers(visits.upsert(rows('Анна'), { count: 'exact' }), { status: 201, count: 5000 })
  await answers(visits.upsert(rows('Зоя'), { count: 'exact' }), { count: 5000 })
  await answers(count(visits.select('*', { head: true, count: 'exact' })).like('name', 'Зоя %'), { count: 5000 })
  await answers(visits.select('name').eq('phone', '+7 999 0004999'), { data: [{ name: 'Зоя 4999, "№" 🎻' }] })
  await answers(count(visits.delete({ count: 'exact' })), { status: 204, count: 5000 })
})
