import { test } from 'node:test'
import { answers, client } from './client.mjs'

const IVAN = '+79161234567'
const lessons = (columns) => client.from('lessons').select(columns).order('id')
const pupils = (columns) => client.from('pupils').select(columns).order('phone')

test('to one: the related row or null', async () => {
  await answers(lessons('id, pupils(name)').lte('id', 2), {
    data: [
      { id: 1, pupils: { name: 'Иван Петров' } },
      { id: 2, pupils: { name: 'Иван Петров' } },
    ],
  })
  await answers(lessons('id, teachers!substitute_id(name)').lte('id', 2), {
    data: [
      { id: 1, teachers: { name: 'Zoë 🎻' } },
      { id: 2, teachers: null },
    ],
  })
})

test('to many: an array of related rows', () =>
  answers(
    pupils('name, lessons(id, paid)').in('phone', [IVAN, '+995555000111']).order('id', { referencedTable: 'lessons' }),
    {
      data: [
        {
          name: 'Иван Петров',
          lessons: [
            { id: 1, paid: true },
            { id: 2, paid: false },
          ],
        },
        { name: 'ნინო 🎹', lessons: [] },
      ],
    },
  ))

test('one to one: an object or null', () =>
  answers(pupils('cards(number)'), {
    data: [{ cards: { number: 'A-2' } }, { cards: { number: 'A-1' } }, { cards: null }, { cards: null }],
  }))

test('many to many: rows on the other side of a junction', () =>
  answers(
    client
      .from('teachers')
      .select('name, instruments(name)')
      .order('id')
      .order('name', { referencedTable: 'instruments' }),
    {
      data: [
        { name: 'Анна Каренина', instruments: [{ name: 'piano' }, { name: 'violin' }] },
        { name: 'O\'Brien, "Bob" (junior)', instruments: [{ name: 'tuba' }] },
        { name: 'Zoë 🎻', instruments: [{ name: 'violin' }] },
      ],
    },
  ))

test('a table refers to itself', async () => {
  const teachers = (columns) => client.from('teachers').select(columns).order('id').limit(2)
  await answers(teachers('id, boss:boss_id(name)'), {
    data: [
      { id: 1, boss: null },
      { id: 2, boss: { name: 'Анна Каренина' } },
    ],
  })
  await answers(teachers('id, teachers(id)').order('id', { referencedTable: 'teachers' }), {
    data: [
      { id: 1, teachers: [{ id: 2 }, { id: 3 }] },
      { id: 2, teachers: [] },
    ],
  })
})

test('a key of several columns relates tables', async () => {
  await answers(client.from('tickets').select('id, seats(label)').order('id'), {
    data: [
      { id: 1, seats: { label: 'right' } },
      { id: 2, seats: { label: 'only' } },
      { id: 3, seats: { label: 'right' } },
    ],
  })
  await answers(
    client.from('seats').select('label, tickets(id)').order('label').order('id', { referencedTable: 'tickets' }),
    {
      data: [
        { label: 'left', tickets: [] },
        { label: 'only', tickets: [{ id: 2 }] },
        { label: 'right', tickets: [{ id: 1 }, { id: 3 }] },
      ],
    },
  )
})

test('a view is related as the table that it shows', async () => {
  await answers(client.from('regulars').select('name, lessons(id)').eq('phone', '+7 916 123 45 68'), {
    data: [{ name: 'Мария, «Маша»', lessons: [{ id: 3 }] }],
  })
  await answers(lessons('id, regulars(name)').gte('id', 3), {
    data: [
      { id: 3, regulars: { name: 'Мария, «Маша»' } },
      { id: 4, regulars: null },
    ],
  })
})

test('hints are columns, foreign keys and tables between', async () => {
  const both = { data: [{ teacher: { id: 1 }, substitute: { id: 3 } }] }
  await answers(lessons('teacher:teachers!teacher_id(id), substitute:teachers!substitute_id(id)').eq('id', 1), both)
  await answers(
    lessons('teacher:teachers!lessons_teacher_id_fkey(id), substitute:teachers!lessons_substitute_id_fkey(id)').eq(
      'id',
      1,
    ),
    both,
  )
  await answers(lessons('teacher:teacher_id(id), substitute:lessons_substitute_id_fkey(id)').eq('id', 1), both)
  await answers(client.from('instruments').select('teachers!teaches(id)').eq('name', 'tuba'), {
    data: [{ teachers: [{ id: 2 }] }],
  })
  await answers(client.from('teachers').select('lessons!substitute_id(id)').eq('id', 3), {
    data: [{ lessons: [{ id: 1 }] }],
  })
})

test('inner leaves out rows to which none is related', async () => {
  await answers(pupils('phone, lessons!inner(id)').gt('lessons.price', 1000), {
    data: [{ phone: IVAN, lessons: [{ id: 2 }] }],
  })
  await answers(lessons('id, substitute:teachers!substitute_id!inner(id)'), {
    data: [
      { id: 1, substitute: { id: 3 } },
      { id: 4, substitute: { id: 1 } },
    ],
  })
  await answers(lessons('id, pupils!inner(cards!inner(number))').eq('pupils.cards.number', 'A-2'), {
    data: [{ id: 3, pupils: { cards: { number: 'A-2' } } }],
  })
})

test('left keeps rows to which none is related', () =>
  answers(lessons('id, teachers!substitute_id!left(id)').eq('id', 2), { data: [{ id: 2, teachers: null }] }))

test('counts are those of rows that an inner embedding keeps', () =>
  answers(client.from('pupils').select('phone, lessons!inner(id)', { count: 'exact', head: true }), { count: 3 }))

test('filters, orders and limits of embedded rows leave the rows themselves alone', async () => {
  await answers(pupils('phone, lessons(id)').eq('state', 'regular').eq('lessons.paid', true), {
    data: [
      { phone: '+7 916 123 45 68', lessons: [] },
      { phone: IVAN, lessons: [{ id: 1 }] },
    ],
  })
  const ivan = () => pupils('lessons(id)').eq('phone', IVAN)
  const descending = { referencedTable: 'lessons', ascending: false }
  await answers(ivan().order('price', descending), { data: [{ lessons: [{ id: 2 }, { id: 1 }] }] })
  await answers(ivan().order('price', descending).limit(1, { referencedTable: 'lessons' }), {
    data: [{ lessons: [{ id: 2 }] }],
  })
  await answers(ivan().order('price', { foreignTable: 'lessons' }).range(1, 1, { foreignTable: 'lessons' }), {
    data: [{ lessons: [{ id: 2 }] }],
  })
  await answers(ivan().or('price.gt.1100,paid.is.null', { referencedTable: 'lessons' }), {
    data: [{ lessons: [{ id: 2 }] }],
  })
})

test('aliases stand for embedded tables in filters and orders', () =>
  answers(
    pupils('phone, unpaid:lessons(id), all:lessons(id)')
      .eq('phone', IVAN)
      .eq('unpaid.paid', false)
      .order('id', { referencedTable: 'all', ascending: false }),
    { data: [{ phone: IVAN, unpaid: [{ id: 2 }], all: [{ id: 2 }, { id: 1 }] }] },
  ))

test('aliases stand for embedded tables at any depth', async () => {
  await answers(
    pupils('phone, lessons!inner(id, who:teachers!teacher_id!inner(id))').ilike('lessons.who.name', '%анна%'),
    {
      data: [
        { phone: '+7 916 123 45 68', lessons: [{ id: 3, who: { id: 1 } }] },
        { phone: IVAN, lessons: [{ id: 1, who: { id: 1 } }] },
      ],
    },
  )
  const substitutes = client.from('lessons').select('id, who:teachers!substitute_id(id)')
  await answers(substitutes.order('who(id)', { ascending: false, nullsFirst: false }).limit(2), {
    data: [
      { id: 1, who: { id: 3 } },
      { id: 4, who: { id: 1 } },
    ],
  })
})

test('embedded tables nest, each with its own filters', () =>
  answers(
    client
      .from('teachers')
      .select('id, lessons!teacher_id(id, pupils(name, cards(number), lessons(id)))')
      .eq('id', 1)
      .order('id', { referencedTable: 'lessons' })
      .gt('lessons.pupils.lessons.id', 1),
    {
      data: [
        {
          id: 1,
          lessons: [
            { id: 1, pupils: { name: 'Иван Петров', cards: { number: 'A-1' }, lessons: [{ id: 2 }] } },
            { id: 3, pupils: { name: 'Мария, «Маша»', cards: { number: 'A-2' }, lessons: [{ id: 3 }] } },
          ],
        },
      ],
    },
  ))

test('null filters choose rows by whether any row is related', async () => {
  await answers(pupils('phone, lessons()').is('lessons', null), { data: [{ phone: '+995555000111' }] })
  await answers(pupils('phone, cards()').not('cards', 'is', null), {
    data: [{ phone: '+7 916 123 45 68' }, { phone: IVAN }],
  })
  await answers(pupils('phone, cards(), lessons()').or('cards.not.is.null,lessons.is.null'), {
    data: [{ phone: '+7 916 123 45 68' }, { phone: IVAN }, { phone: '+995555000111' }],
  })
})

test('rows are ordered by a related row', () =>
  answers(
    client.from('lessons').select('id, pupils(name)').order('pupils(name)', { ascending: false }).order('id').limit(2),
    {
      data: [
        { id: 3, pupils: { name: 'Мария, «Маша»' } },
        { id: 1, pupils: { name: 'Иван Петров' } },
      ],
    },
  ))

test('an embedding without columns is not in the answer', () =>
  answers(lessons('id, pupils!inner()').eq('pupils.state', 'new'), { data: [{ id: 4 }] }))

test('spread of one row puts its columns into the row', async () => {
  await answers(client.from('tickets').select('id, ...seats(where:label, hall)').order('id').limit(2), {
    data: [
      { id: 1, where: 'right', hall: 'large' },
      { id: 2, where: 'only', hall: 'small' },
    ],
  })
  await answers(lessons('id, ...pupils(name, ...cards(number))').gte('id', 3), {
    data: [
      { id: 3, name: 'Мария, «Маша»', number: 'A-2' },
      { id: 4, name: 'Tom "T" (the) O\'Neil', number: null },
    ],
  })
})

test('spread of many rows makes arrays', () =>
  answers(
    client
      .from('pupils')
      .select('phone, ...lessons(lesson:id, paid)')
      .order('phone')
      .in('phone', [IVAN, '+995555000111'])
      .order('id', { referencedTable: 'lessons' }),
    {
      data: [
        { phone: IVAN, lesson: [1, 2], paid: [true, false] },
        { phone: '+995555000111', lesson: [], paid: [] },
      ],
    },
  ))

test('functions of a row are relationships', async () => {
  await answers(pupils('phone, last_lesson(id)').limit(2), {
    data: [
      { phone: '+7 916 123 45 68', last_lesson: { id: 3 } },
      { phone: IVAN, last_lesson: { id: 2 } },
    ],
  })
  await answers(
    client.from('teachers').select('id, taught_by(name)').eq('id', 1).order('name', { referencedTable: 'taught_by' }),
    {
      data: [{ id: 1, taught_by: [{ name: 'piano' }, { name: 'violin' }] }],
    },
  )
  await answers(pupils('last_lesson(teachers!teacher_id(name))').eq('phone', IVAN), {
    data: [{ last_lesson: { teachers: { name: 'O\'Brien, "Bob" (junior)' } } }],
  })
})

test('computed columns of embedded rows are selected', () =>
  answers(lessons('id, pupils(initial)').eq('id', 1), { data: [{ id: 1, pupils: { initial: 'И' } }] }))
