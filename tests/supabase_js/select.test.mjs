import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answers, client, refuses } from './client.mjs'

const violin = () => client.from('instruments').select().eq('id', 1)

test('select without columns answers with all of them', () =>
  answers(violin(), {
    data: [
      {
        id: 1,
        name: 'violin',
        tags: ['strings', 'wood'],
        price: 1500.5,
        made: { by: 'Stradivari', year: 1715, woods: ['spruce', 'maple'] },
        octaves: '[3,7)',
        described: "'bow' 'string' 'wood'",
      },
    ],
  }))

test('select renames, casts and reaches into JSON', () =>
  answers(
    client
      .from('instruments')
      .select('what:name, price::text, maker:made->>by, made->year, second:made->woods->1, first_tag:tags->>0')
      .eq('id', 1),
    {
      data: [
        { what: 'violin', price: '1500.50', maker: 'Stradivari', year: 1715, second: 'maple', first_tag: 'strings' },
      ],
    },
  ))

test('select takes the same column several times', () =>
  answers(client.from('seats').select('label, label').eq('hall', 'small'), { data: [{ label: 'only' }] }))

test('select takes a quoted column with a space', () =>
  answers(client.from('visits').select('"words said", phone'), { data: [] }))

test('select answers with timestamps, dates and nulls', () =>
  answers(client.from('lessons').select('at, substitute_id, pupils(birthday)').eq('id', 3), {
    data: [{ at: '2024-01-12T10:00:00+00:00', substitute_id: null, pupils: { birthday: null } }],
  }))

test('computed columns are selected, filtered and ordered by', async () => {
  await answers(client.from('pupils').select('initial').order('initial', { ascending: false }).limit(2), {
    data: [{ initial: 'ნ' }, { initial: 'М' }],
  })
  await answers(client.from('pupils').select('name, first:initial').eq('initial', 'И'), {
    data: [{ name: 'Иван Петров', first: 'И' }],
  })
})

test('a view is read', () =>
  answers(client.from('regulars').select().order('name'), {
    data: [
      { phone: '+79161234567', name: 'Иван Петров' },
      { phone: '+7 916 123 45 68', name: 'Мария, «Маша»' },
    ],
  }))

test('schema reads another schema', () =>
  answers(client.schema('attic').from('letters').select('body').order('id'), {
    data: [{ body: 'Дорогая Анна' }, { body: 'Yours, B.' }],
  }))

test('schema writes and calls functions in another schema', async () => {
  const letters = client.schema('attic').from('letters')
  await answers(letters.insert({ id: 3, body: 'Привет' }).select(), { status: 201, data: [{ id: 3, body: 'Привет' }] })
  await answers(letters.update({ body: 'Пока' }).eq('id', 3), { status: 204 })
  await answers(letters.delete().eq('id', 3).select('body'), { data: [{ body: 'Пока' }] })
  await answers(client.schema('attic').rpc('letter_about', { word: 'Анна' }), { data: 'Дорогая Анна' })
})

test('a table of another schema is not in public', () =>
  refuses(client.from('letters').select(), 404, {
    code: 'PGRST205',
    message: "Could not find the table 'public.letters' in the schema cache",
  }))

test('count adds the number of all rows', async () => {
  const two = { data: [{ id: 1 }, { id: 2 }], status: 206, count: 4 }
  const lessons = (count) => client.from('lessons').select('id', { count }).order('id')
  await answers(lessons('exact').limit(2), two)
  await answers(lessons('estimated').limit(2), two)
  await answers(lessons('exact').gt('id', 2), { data: [{ id: 3 }, { id: 4 }], count: 2 })
  await answers(lessons('exact').gt('id', 9), { data: [], count: 0 })
})

test('a planned count is a number', async () => {
  const { error, count } = await client.from('lessons').select('*', { head: true, count: 'planned' })
  assert.equal(error, null)
  assert.ok(Number.isInteger(count))
})

test('head answers with a count and no rows', async () => {
  await answers(client.from('lessons').select('*', { head: true }), {})
  await answers(client.from('lessons').select('*', { head: true, count: 'exact' }).eq('paid', true), { count: 2 })
})

test('order takes several columns, directions and places for nulls', async () => {
  const lessons = () => client.from('lessons').select('id')
  const ids = (...all) => ({ data: all.map((id) => ({ id })) })
  await answers(lessons().order('teacher_id').order('price', { ascending: false }), ids(1, 3, 2, 4))
  await answers(lessons().order('paid', { ascending: false }).order('id'), ids(3, 1, 4, 2))
  await answers(lessons().order('paid', { nullsFirst: true }).order('id'), ids(3, 2, 1, 4))
  await answers(lessons().order('paid', { ascending: false, nullsFirst: false }).order('id'), ids(1, 4, 2, 3))
})

test('order takes a path into JSON', () =>
  answers(client.from('instruments').select('id').order('made->year', { nullsFirst: false }).order('id'), {
    data: [{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4 }],
  }))

test('limit and range choose rows by their place', async () => {
  const lessons = () => client.from('lessons').select('id').order('id')
  await answers(lessons().limit(1), { data: [{ id: 1 }] })
  await answers(lessons().limit(0), { data: [] })
  await answers(lessons().range(1, 2), { data: [{ id: 2 }, { id: 3 }] })
  await answers(lessons().range(3, 9), { data: [{ id: 4 }] })
  await answers(lessons().range(9, 12), { data: [] })
})

test('a range after the last row is refused where rows are counted', () =>
  refuses(client.from('lessons').select('id', { count: 'exact' }).range(9, 12), 416, {
    code: 'PGRST103',
    message: 'Requested range not satisfiable',
    details: 'An offset of 9 was requested, but there are only 4 rows.',
  }))
