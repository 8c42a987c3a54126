import { test } from 'node:test'
import { answers, client } from './client.mjs'

const lessons = (columns) => client.from('lessons').select(columns)

test('count, sum, avg, min and max aggregate all rows', async () => {
  await answers(lessons('count()'), { data: [{ count: 4 }] })
  await answers(lessons('price.sum()'), { data: [{ sum: 3800.5 }] })
  await answers(lessons('lowest:price.min(), highest:price.max(), average:price.avg()::text'), {
    data: [{ lowest: 700, highest: 1200.5, average: '950.1250000000000000' }],
  })
  await answers(lessons('paid.count()'), { data: [{ count: 3 }] })
})

test('columns beside an aggregate group the rows', () =>
  answers(lessons('paid, count(), total:price.sum()').order('paid'), {
    data: [
      { paid: false, count: 1, total: 1200.5 },
      { paid: true, count: 2, total: 1700 },
      { paid: null, count: 1, total: 900 },
    ],
  }))

test('filters come before an aggregate', () =>
  answers(lessons('count()').eq('paid', true).single(), { data: { count: 2 } }))

test('casts stand before and after an aggregate', () =>
  answers(lessons('price::int.sum()::text'), { data: [{ sum: '3801' }] }))

test('embedded rows are aggregated', async () => {
  await answers(client.from('pupils').select('phone, lessons(count)').order('phone').limit(3), {
    data: [
      { phone: '+7 916 123 45 68', lessons: [{ count: 1 }] },
      { phone: '+79161234567', lessons: [{ count: 2 }] },
      { phone: '+995555000111', lessons: [{ count: 0 }] },
    ],
  })
  await answers(client.from('pupils').select('lessons(price.sum())').eq('phone', '+79161234567'), {
    data: [{ lessons: [{ sum: 2200.5 }] }],
  })
})
