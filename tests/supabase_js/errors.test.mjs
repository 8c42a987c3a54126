import { afterEach, test } from 'node:test'
import { answers, client, connect, refuses, removeWritten } from './client.mjs'

afterEach(removeWritten)

test('an unknown table is refused', () =>
  refuses(client.from('zzzz').select(), 404, {
    code: 'PGRST205',
    message: "Could not find the table 'public.zzzz' in the schema cache",
  }))

test('an unknown table with a name like another is refused with a hint', () =>
  refuses(client.from('lesson').select(), 404, {
    code: 'PGRST205',
    message: "Could not find the table 'public.lesson' in the schema cache",
    hint: "Perhaps you meant the table 'public.lessons'",
  }))

test('an unknown schema is refused', () =>
  refuses(client.schema('nowhere').from('letters').select(), 406, {
    code: 'PGRST106',
    message: 'Invalid schema: nowhere',
    hint: 'Only the following schemas are exposed: public, attic',
  }))

test('unknown columns are refused', async () => {
  await refuses(client.from('seats').select('colour'), 400, {
    code: '42703',
    message: 'column seats.colour does not exist',
  })
  await refuses(client.from('lessons').select('id, pupils(colour)'), 400, {
    code: '42703',
    message: 'column pupils_1.colour does not exist',
  })
  await refuses(client.from('seats').select().order('colour'), 400, {
    code: '42703',
    message: 'column seats.colour does not exist',
  })
  const unwritten = {
    code: 'PGRST204',
    message: "Could not find the 'colour' column of 'counters' in the schema cache",
  }
  await refuses(client.from('counters').insert({ id: 1, colour: 'red' }), 400, unwritten)
  await refuses(client.from('counters').insert([{ id: 1, colour: 'red' }]), 400, unwritten)
  await refuses(client.from('counters').update({ colour: 'red' }).eq('id', 1), 400, unwritten)
})

test('a select that breaks the grammar is refused with the place', () =>
  refuses(client.from('seats').select('hall,,label'), 400, {
    code: 'PGRST100',
    message: '"failed to parse select parameter (hall,,label)" (line 1, column 6)',
    details: 'unexpected "," expecting "...", field name (* or [a..z0..9_$]), "*" or "count()"',
  }))

test('a key that is taken is refused', async () => {
  await answers(client.from('counters').insert({ id: 1, label: 'a' }), { status: 201 })
  await refuses(client.from('counters').insert({ id: 1 }), 409, {
    code: '23505',
    message: 'duplicate key value violates unique constraint "counters_pkey"',
    details: 'Key (id)=(1) already exists.',
  })
  await refuses(client.from('counters').insert({ id: 2, label: 'a' }), 409, {
    code: '23505',
    message: 'duplicate key value violates unique constraint "counters_label_key"',
    details: 'Key (label)=(a) already exists.',
  })
})

test('what breaks a constraint is refused', async () => {
  await refuses(client.from('counters').insert({ id: 1, teacher_id: 99 }), 409, {
    code: '23503',
    message: 'insert or update on table "counters" violates foreign key constraint "counters_teacher_id_fkey"',
    details: 'Key (teacher_id)=(99) is not present in table "teachers".',
  })
  await refuses(client.from('counters').insert({ id: 1, label: 'a', amount: -1 }), 400, {
    code: '23514',
    message: 'new row for relation "counters" violates check constraint "counters_amount_check"',
    details: 'Failing row contains (1, a, 7, -1, null).',
  })
  await refuses(client.from('visits').insert({ phone: '+79161234567' }), 400, {
    code: '23502',
    message: 'null value in column "day" of relation "visits" violates not-null constraint',
    details: 'Failing row contains (+79161234567, null, null, null, null, new, null).',
  })
})

test('a value of the wrong type is refused', () =>
  refuses(client.from('counters').insert({ id: 'one' }), 400, {
    code: '22P02',
    message: 'invalid input syntax for type integer: "one"',
  }))

test('what PostgreSQL can not read or cast is refused', async () => {
  await refuses(client.from('pupils').select('name').eq('birthday', null), 400, {
    code: '22007',
    message: 'invalid input syntax for type date: "null"',
  })
  await refuses(client.from('pupils').select('name').textSearch('about', 'fat cat', { config: 'english' }), 400, {
    code: '42601',
    message: 'syntax error in tsquery: "fat cat"',
  })
  await refuses(client.from('pupils').select('name').regexMatch('name', '('), 400, {
    code: '2201B',
    message: 'invalid regular expression: parentheses () not balanced',
  })
  await refuses(client.from('lessons').select('at::int'), 400, {
    code: '42846',
    message: 'cannot cast type timestamp with time zone to integer',
  })
})

test('several rows are inserted together or not at all', async () => {
  await refuses(
    client.from('counters').insert([
      { id: 1, label: 'a' },
      { id: 2, label: 'a' },
    ]),
    409,
    {
      code: '23505',
      message: 'duplicate key value violates unique constraint "counters_label_key"',
      details: 'Key (label)=(a) already exists.',
    },
  )
  await answers(client.from('counters').select(), { data: [] })
})

test('tables without a relationship are refused', async () => {
  const searched = (target, schema) =>
    `Searched for a foreign key relationship between 'pupils' and '${target}' in the schema '${schema}', but no matches were found.`
  await refuses(client.from('pupils').select('zzzz(*)'), 400, {
    code: 'PGRST200',
    message: "Could not find a relationship between 'pupils' and 'zzzz' in the schema cache",
    details: searched('zzzz', 'public'),
  })
  await refuses(client.from('pupils').select('lesons(*)'), 400, {
    code: 'PGRST200',
    message: "Could not find a relationship between 'pupils' and 'lesons' in the schema cache",
    details: searched('lesons', 'public'),
    hint: "Perhaps you meant 'lessons' instead of 'lesons'.",
  })
})

test('several relationships are refused with all of them', () =>
  refuses(client.from('lessons').select('teachers(*)'), 300, {
    code: 'PGRST201',
    message: "Could not embed because more than one relationship was found for 'lessons' and 'teachers'",
    details: [
      {
        cardinality: 'many-to-one',
        embedding: 'lessons with teachers',
        relationship: 'lessons_substitute_id_fkey using lessons(substitute_id) and teachers(id)',
      },
      {
        cardinality: 'many-to-one',
        embedding: 'lessons with teachers',
        relationship: 'lessons_teacher_id_fkey using lessons(teacher_id) and teachers(id)',
      },
    ],
    hint: "Try changing 'teachers' to one of the following: 'teachers!lessons_substitute_id_fkey', 'teachers!lessons_teacher_id_fkey'. Find the desired relationship in the 'details' key.",
  }))

test('the same table embedded twice under one name is refused', () =>
  refuses(client.from('lessons').select('teachers!teacher_id(*), teachers!substitute_id(*)'), 400, {
    code: '42712',
    message: 'table name "lessons_teachers_1" specified more than once',
  }))

test('a filter on a table that is not embedded is refused', () =>
  refuses(client.from('pupils').select('phone').eq('lessons.id', 1), 400, {
    code: 'PGRST108',
    message: "'lessons' is not an embedded resource in this request",
    hint: "Verify that 'lessons' is included in the 'select' query parameter.",
  }))

test('an order by one of many related rows is refused', () =>
  refuses(client.from('pupils').select('phone, lessons(id)').order('lessons(id)'), 400, {
    code: 'PGRST118',
    message: "A related order on 'lessons' is not possible",
    details: "'pupils' and 'lessons' do not form a many-to-one or one-to-one relationship",
  }))

test('an embedded table is only compared with null', () =>
  refuses(client.from('pupils').select('phone, lessons(id)').eq('lessons', 1), 400, {
    code: 'PGRST120',
    message: "Bad operator on the 'lessons' embedded resource",
    details: 'Only is null or not is null filters are allowed on embedded resources',
  }))

test('a wrong key is refused', () =>
  refuses(connect('wrong').from('seats').select(), 401, {
    code: 'PGRST301',
    message: 'Invalid API key',
    hint: 'Send a key that turnout.toml names.',
  }))
