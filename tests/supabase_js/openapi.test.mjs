import assert from 'node:assert/strict'
import { test } from 'node:test'
import { client } from './client.mjs'

test('the root describes tables and functions', async () => {
  const { data, error, status } = await client.rest.getOpenApiSpec()
  assert.deepEqual({ error, status }, { error: null, status: 200 })
  assert.equal(data.swagger, '2.0')
  assert.deepEqual(data.definitions.seats.required, ['hall', 'number', 'label'])
  assert.equal(data.definitions.seats.properties.number.format, 'integer')
  assert.deepEqual(Object.keys(data.paths['/seats']).sort(), ['delete', 'get', 'patch', 'post'])
  assert.ok(data.paths['/rpc/spent'].post)
})
