import { afterEach, test } from 'node:test'
import { answers, client, refuses, removeWritten } from './client.mjs'

const visits = client.from('visits')
const counters = client.from('counters')
const stored = () => client.from('counters').select('id, label, total').order('id')

afterEach(removeWritten)

test('insert answers without rows unless they are selected', async () => {
  await answers(counters.insert({ id: 1, label: 'a' }), { status: 201 })
  await answers(counters.insert({ id: 2, label: 'b' }).select('label, total'), {
    status: 201,
    data: [{ label: 'b', total: 7 }],
  })
  await answers(stored(), {
    data: [
      { id: 1, label: 'a', total: 7 },
      { id: 2, label: 'b', total: 7 },
    ],
  })
})

test('insert stores awkward texts as they are', async () => {
  const rows = [
    { phone: '+79161234567', day: '2024-02-29', name: 'Иван, "Ваня" (Петров)\\\n\t🎻' },
    { phone: '+7 916 123-45-68', day: '2024-02-29', name: "O'Neil; drop table visits --" },
    { phone: '8 (916) 000-00-01', day: '2024-02-29', name: '{"a": [1, null]}' },
  ]
  await answers(visits.insert(rows).select('phone, day, name'), { status: 201, data: rows })
  await answers(client.from('visits').select('name').eq('phone', rows[1].phone).single(), {
    data: { name: rows[1].name },
  })
})

test('insert stores arrays, JSON, an enum and a column with a space', () => {
  const row = {
    phone: '+995555000111',
    day: '2024-03-01',
    name: null,
    tags: ['a b', 'c,d', '{e}', '"f"', ''],
    made: { deep: [1, { ключ: null }], text: 'é' },
    state: 'left',
    'words said': 'да',
  }
  return answers(visits.insert(row).select().single(), { status: 201, data: row })
})

test('insert keeps integers beyond those of JavaScript', async () => {
  await answers(counters.insert({ id: 1, total: 9007199254740993n }), { status: 201 })
  await answers(client.from('counters').select('total::text'), { data: [{ total: '9007199254740993' }] })
})

test('insert of many rows counts them', () =>
  answers(counters.insert([{ id: 1 }, { id: 2 }, { id: 3 }], { count: 'exact' }), { status: 201, count: 3 }))

test('insert gives null for what a row lacks', () =>
  answers(counters.insert([{ id: 1, total: 1 }, { id: 2 }]).select('id, total'), {
    status: 201,
    data: [
      { id: 1, total: 1 },
      { id: 2, total: null },
    ],
  }))

test('insert gives the default for what a row lacks where asked to', () =>
  answers(counters.insert([{ id: 1, total: 1 }, { id: 2 }], { defaultToNull: false }).select('id, total'), {
    status: 201,
    data: [
      { id: 1, total: 1 },
      { id: 2, total: 7 },
    ],
  }))

test('insert of no rows is an empty answer', () => answers(counters.insert([]).select(), { status: 201, data: [] }))

test('writes answer with embedded rows', async () => {
  const zoe = { name: 'Zoë 🎻' }
  await answers(counters.insert({ id: 1, teacher_id: 3 }).select('id, teachers(name)'), {
    status: 201,
    data: [{ id: 1, teachers: zoe }],
  })
  await answers(counters.upsert({ id: 1, teacher_id: 3 }).select('teachers(name)').single(), {
    data: { teachers: zoe },
  })
  await answers(counters.update({ total: 1 }).eq('id', 1).select('total, teachers(name)'), {
    data: [{ total: 1, teachers: zoe }],
  })
  await answers(counters.delete().eq('id', 1).select('...teachers(name)'), { data: [zoe] })
})

test('filters and answers take a column with a space', async () => {
  await answers(visits.insert({ phone: '+79161234567', day: '2024-03-01', 'words said': 'да' }), { status: 201 })
  await answers(visits.update({ 'words said': 'нет' }).eq('"words said"', 'да').select('"words said"'), {
    data: [{ 'words said': 'нет' }],
  })
  await answers(client.from('visits').select('said:"words said"').order('"words said"'), { data: [{ said: 'нет' }] })
})

test('update changes what its filters choose', async () => {
  await answers(counters.insert([{ id: 1 }, { id: 2 }, { id: 3 }], { defaultToNull: false }), { status: 201 })
  await answers(counters.update({ label: 'x' }).eq('id', 2), { status: 204 })
  await answers(counters.update({ total: 8 }).neq('id', 2).select('id, total').order('id'), {
    data: [
      { id: 1, total: 8 },
      { id: 3, total: 8 },
    ],
  })
  await answers(counters.update({ total: 9 }, { count: 'exact' }).gte('id', 2), { status: 204, count: 2 })
  await answers(stored(), {
    data: [
      { id: 1, label: null, total: 8 },
      { id: 2, label: 'x', total: 9 },
      { id: 3, label: null, total: 9 },
    ],
  })
})

test('update of no rows is an empty answer', async () => {
  await answers(counters.update({ total: 1 }).eq('id', 99), { status: 204 })
  await answers(counters.update({ total: 1 }).eq('id', 99).select(), { data: [] })
})

test('update of nothing is an empty answer', () => answers(counters.update({}).eq('id', 1).select(), { data: [] }))

test('delete removes what its filters choose', async () => {
  await answers(counters.insert([{ id: 1 }, { id: 2 }, { id: 3 }]), { status: 201 })
  await answers(counters.delete().eq('id', 1), { status: 204 })
  await answers(counters.delete({ count: 'exact' }).eq('id', 2).select('id'), { data: [{ id: 2 }], count: 1 })
  await answers(counters.delete().eq('id', 99).select(), { data: [] })
  await answers(client.from('counters').select('id'), { data: [{ id: 3 }] })
})

test('update and delete without a filter are refused as Supabase does', async () => {
  const hint = 'Give a filter, or set repositories.counters.unfiltered_writes = true in turnout.toml.'
  await refuses(counters.update({ total: 1 }), 400, { code: '21000', message: 'UPDATE requires a WHERE clause', hint })
  await refuses(counters.delete(), 400, { code: '21000', message: 'DELETE requires a WHERE clause', hint })
})

test('rollback answers and takes the write back', async () => {
  await answers(counters.insert({ id: 1 }), { status: 201 })
  await answers(counters.insert({ id: 2 }).select('id').rollback(), { status: 201, data: [{ id: 2 }] })
  await answers(counters.update({ total: 1 }).eq('id', 1).select('total').rollback(), { data: [{ total: 1 }] })
  await answers(counters.upsert({ id: 1, total: 2 }).select('total').rollback(), { data: [{ total: 2 }] })
  await answers(counters.delete().eq('id', 1).select('id').rollback(), { data: [{ id: 1 }] })
  await answers(stored(), { data: [{ id: 1, label: null, total: 7 }] })
})

test('maxAffected refuses a write of more rows and takes it back', async () => {
  const error = { code: 'PGRST124', message: 'Query result exceeds max-affected preference constraint' }
  await answers(counters.insert([{ id: 1 }, { id: 2 }], { defaultToNull: false }), { status: 201 })
  await refuses(counters.update({ total: 1 }).gt('id', 0).maxAffected(1), 400, {
    ...error,
    details: 'The query affects 2 rows',
  })
  await refuses(counters.delete().gt('id', 0).maxAffected(1).select(), 400, {
    ...error,
    details: 'The query affects 2 rows',
  })
  await answers(counters.update({ total: 3 }).eq('id', 1).maxAffected(1).select('total'), { data: [{ total: 3 }] })
  await answers(stored(), {
    data: [
      { id: 1, label: null, total: 3 },
      { id: 2, label: null, total: 7 },
    ],
  })
})
