import { afterEach, test } from 'node:test'
import { answers, client, refuses, removeWritten } from './client.mjs'

const IVAN = '+79161234567'

afterEach(removeWritten)

test('a function of arguments answers with a value', async () => {
  await answers(client.rpc('spent', { phone: IVAN }), { data: 2200.5 })
  await answers(client.rpc('spent', { phone: '+7 916 123 45 68' }, { get: true }), { data: 900 })
  await answers(client.rpc('as_object', { b: 'да', a: 1 }), { data: { a: 1, b: 'да' } })
})

test('arguments with a default may be left out', async () => {
  await answers(client.rpc('greeting'), { data: 'Привет, мир' })
  await answers(client.rpc('greeting', { name: 'O\'Neil, "T" 🎻' }), { data: 'Привет, O\'Neil, "T" 🎻' })
  await answers(client.rpc('greeting', { name: 'a&b=c+d' }, { get: true }), { data: 'Привет, a&b=c+d' })
})

test('arguments are arrays and lists of any length', async () => {
  await answers(client.rpc('longest', { words: ['a', 'b, c', '{d}'] }), { data: 'b, c' })
  await answers(client.rpc('longest', { words: ['a', 'bcd', 'ef'] }, { get: true }), { data: 'bcd' })
  await answers(client.rpc('total_of', { numbers: [1, 2, 3] }), { data: 6 })
})

test('a function of one nameless argument gets the whole body', () =>
  answers(client.rpc('echoed', { a: [1, { b: null }], ключ: '🎻' }), { data: { a: [1, { b: null }], ключ: '🎻' } }))

test('a function is chosen by the names of its arguments', async () => {
  await answers(client.rpc('half', { a: 9 }), { data: 4 })
  await answers(client.rpc('half', { b: 'abcd' }), { data: 'ab' })
})

test('a set of values is an array', async () => {
  await answers(client.rpc('up_to', { last: 3 }), { data: [1, 2, 3] })
  await answers(client.rpc('up_to', { last: 0 }), { data: [] })
  await answers(client.rpc('up_to', { last: 9 }).range(2, 3), { data: [3, 4] })
})

test('rows of a table are filtered, ordered, limited and embed others', async () => {
  await answers(client.rpc('lessons_of', { phone: IVAN }).select('id, price').order('id'), {
    data: [
      { id: 1, price: 1000 },
      { id: 2, price: 1200.5 },
    ],
  })
  await answers(client.rpc('lessons_of', { phone: IVAN }).gt('price', 1000).select('id'), { data: [{ id: 2 }] })
  await answers(
    client.rpc('lessons_of', { phone: IVAN }).order('id', { ascending: false }).limit(1).select('id').single(),
    {
      data: { id: 2 },
    },
  )
  await answers(
    client.rpc('lessons_of', { phone: IVAN }, { get: true }).select('id, teachers!teacher_id(name)').eq('id', 1),
    {
      data: [{ id: 1, teachers: { name: 'Анна Каренина' } }],
    },
  )
})

test('rows of a table are counted', async () => {
  await answers(client.rpc('lessons_of', { phone: IVAN }, { count: 'exact' }).select('id').order('id').limit(1), {
    data: [{ id: 1 }],
    status: 206,
    count: 2,
  })
  await answers(client.rpc('lessons_of', { phone: IVAN }, { head: true, count: 'exact' }), { count: 2 })
})

test('rows of its own columns are an array, or lines of CSV', async () => {
  await answers(client.rpc('price_list', { floor: 2000 }).order('price'), {
    data: [
      { name: 'tuba', price: 9800 },
      { name: 'piano', price: 25000 },
    ],
  })
  await answers(client.rpc('price_list').select('name').eq('price', 1500.5), { data: [{ name: 'violin' }] })
  await answers(client.rpc('price_list', { floor: 9000 }).order('price').csv(), {
    data: 'name,price\ntuba,9800.00\npiano,25000.00',
  })
})

test('one row is an object', async () => {
  await answers(client.rpc('pupil_named', { part: 'Иван' }), {
    data: {
      phone: IVAN,
      name: 'Иван Петров',
      state: 'regular',
      birthday: '2001-02-03',
      about: 'Plays the violin loudly every morning',
    },
  })
  await answers(client.rpc('pupil_named', { part: 'Иван' }).select('name, initial, cards(number)'), {
    data: { name: 'Иван Петров', initial: 'И', cards: { number: 'A-1' } },
  })
})

test('a function that answers with nothing is 204', () => answers(client.rpc('nothing'), { status: 204 }))

test('a function writes', async () => {
  await answers(client.from('counters').insert([{ id: 1 }, { id: 2 }], { defaultToNull: false }), { status: 201 })
  await answers(client.rpc('count_up', { counter: 1 }), { data: 8 })
  await answers(client.rpc('count_up', { counter: 1 }).rollback(), { data: 9 })
  await answers(client.rpc('clear_counters', { above: 1 }).select('id, total'), { data: [{ id: 2, total: 0 }] })
  await answers(client.from('counters').select('id, total').order('id'), {
    data: [
      { id: 1, total: 8 },
      { id: 2, total: 0 },
    ],
  })
})

test('maxAffected refuses a function of more rows and takes it back', async () => {
  await answers(client.from('counters').insert([{ id: 1 }, { id: 2 }], { defaultToNull: false }), { status: 201 })
  await refuses(client.rpc('clear_counters', { above: 0 }).maxAffected(1), 400, {
    code: 'PGRST124',
    message: 'Query result exceeds max-affected preference constraint',
    details: 'The query affects 2 rows',
  })
  await answers(client.from('counters').select('total'), { data: [{ total: 7 }, { total: 7 }] })
})

test('maxAffected refuses a function that answers with no rows', () =>
  refuses(client.rpc('spent', { phone: IVAN }).maxAffected(1), 400, {
    code: 'PGRST128',
    message: 'Function must return SETOF or TABLE when max-affected preference is used with handling=strict',
  }))

test('a function that writes is refused where it is called by GET', () =>
  refuses(client.rpc('count_up', { counter: 1 }, { get: true }), 405, {
    code: '25006',
    message: 'cannot execute UPDATE in a read-only transaction',
  }))

test('an unknown function is refused with what was looked for', async () => {
  await refuses(client.rpc('zzzz'), 404, {
    code: 'PGRST202',
    message: 'Could not find the function public.zzzz without parameters in the schema cache',
    details:
      'Searched for the function public.zzzz without parameters or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache.',
  })
  await refuses(client.rpc('spent', { phon: IVAN }), 404, {
    code: 'PGRST202',
    message: 'Could not find the function public.spent(phon) in the schema cache',
    details:
      'Searched for the function public.spent with parameter phon or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache.',
    hint: 'Perhaps you meant to call the function public.spent(phone)',
  })
})

test('functions that the names of arguments do not tell apart are refused', () =>
  refuses(client.rpc('twice', { value: 1 }), 300, {
    code: 'PGRST203',
    message:
      'Could not choose the best candidate function between: public.twice(value => integer), public.twice(value => text)',
    hint: 'Try renaming the parameters or the function itself in the database so function overloading can be resolved',
  }))

test('an argument of the wrong type is refused', () =>
  refuses(client.rpc('half', { a: 'nine' }), 400, {
    code: '22P02',
    message: 'invalid input syntax for type integer: "nine"',
  }))

test('what a function raises is the answer', async () => {
  await refuses(client.rpc('refuse', { what: 'bread, "rye"' }), 400, {
    code: 'P0001',
    message: 'No bread, "rye"',
    details: 'Details',
    hint: 'A hint',
  })
  await refuses(client.rpc('refuse_with_status'), 402, {
    code: '123',
    message: 'Pay first',
    details: 'No money',
    hint: 'Pay',
  })
})

test('a function sets the status of its answer', () =>
  answers(client.rpc('teapot'), { status: 418, error: 'short and stout' }))
