import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { answers, client, refuses, removeWritten } from './client.mjs'

const seats = () => client.from('seats').select('number, label').order('hall').order('number')

afterEach(removeWritten)

test('single answers with one row', () => answers(seats().limit(1).single(), { data: { number: 1, label: 'left' } }))

test('single refuses none and several', async () => {
  const error = { code: 'PGRST116', message: 'Cannot coerce the result to a single JSON object' }
  await refuses(seats().eq('number', 9).single(), 406, { ...error, details: 'The result contains 0 rows' })
  await refuses(seats().single(), 406, { ...error, details: 'The result contains 3 rows' })
})

test('single refuses a write of several rows and takes it back', async () => {
  await refuses(
    client
      .from('counters')
      .insert([{ id: 1 }, { id: 2 }])
      .select()
      .single(),
    406,
    {
      code: 'PGRST116',
      message: 'Cannot coerce the result to a single JSON object',
      details: 'The result contains 2 rows',
    },
  )
  await answers(client.from('counters').select(), { data: [] })
})

test('maybeSingle answers with one row or null', async () => {
  await answers(seats().eq('label', 'only').maybeSingle(), { data: { number: 1, label: 'only' } })
  await answers(seats().eq('number', 9).maybeSingle(), {})
})

test('maybeSingle refuses several rows', () =>
  refuses(seats().maybeSingle(), 406, {
    code: 'PGRST116',
    message: 'JSON object requested, multiple (or no) rows returned',
    details: 'Results contain 3 rows, application/vnd.pgrst.object+json requires 1 row',
  }))

test('csv quotes what has to be quoted', () =>
  answers(client.from('pupils').select('phone, name, birthday').order('phone').csv(), {
    data: [
      'phone,name,birthday',
      '"+7 916 123 45 68","Мария, «Маша»",',
      '+79161234567,"Иван Петров",2001-02-03',
      '+995555000111,"ნინო 🎹",2010-07-07',
      '"8 (916) 000-00-01","Tom ""T"" (the) O\'Neil",1999-12-31',
    ].join('\n'),
  }))

test('csv answers with booleans, arrays and JSON as PostgreSQL writes them', async () => {
  await answers(client.from('lessons').select('id, paid').order('id').csv(), { data: 'id,paid\n1,t\n2,f\n3,\n4,t' })
  await answers(client.from('instruments').select('tags, made').eq('id', 1).csv(), {
    data: 'tags,made\n"{strings,wood}","{""by"": ""Stradivari"", ""year"": 1715, ""woods"": [""spruce"", ""maple""]}"',
  })
})

test('csv of no rows is an empty line', () => answers(seats().eq('number', 9).csv(), { data: '\n' }))

test('geojson needs PostGIS', () =>
  refuses(seats().geojson(), 404, {
    code: '42883',
    message: 'function st_asgeojson(record) does not exist',
    hint: 'No function matches the given name and argument types. You might need to add explicit type casts.',
  }))

test('explain is off', () =>
  refuses(seats().explain(), 406, {
    code: 'PGRST107',
    message: 'None of these media types are available: application/vnd.pgrst.plan+text; for="application/json"',
  }))

test('stripNulls leaves nulls out', async () => {
  const lessons = () => client.from('lessons').select('id, paid, substitute_id').eq('id', 3)
  await answers(lessons().stripNulls(), { data: [{ id: 3 }] })
  await answers(lessons().single().stripNulls(), { data: { id: 3 } })
})

test('returns and overrideTypes change no answer', async () => {
  await answers(seats().limit(1).returns(), { data: [{ number: 1, label: 'left' }] })
  await answers(seats().limit(1).overrideTypes(), { data: [{ number: 1, label: 'left' }] })
})

test('throwOnError throws what the host refuses', () =>
  assert.rejects(
    async () => client.from('seats').select('colour').throwOnError(),
    (error) => {
      assert.equal(error.name, 'PostgrestError')
      assert.equal(error.code, '42703')
      assert.equal(error.message, 'column seats.colour does not exist')
      return true
    },
  ))

test('abortSignal ends a request', async () => {
  const { data, error, status } = await seats().abortSignal(AbortSignal.abort())
  assert.deepEqual({ data, status }, { data: null, status: 0 })
  assert.match(error.message, /AbortError/)
})

test('setHeader and retry change no answer', () =>
  answers(seats().setHeader('x-anything', 'at all').retry(false).limit(1), { data: [{ number: 1, label: 'left' }] }))
