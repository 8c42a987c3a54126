// The client under test, and the answers that it is expected to give.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'

// The packages are in the working directory, into which `cargo xtask test` fetched them, and not above this file.
const require = createRequire(`${process.cwd()}/`)
const { createClient } = require('@supabase/supabase-js')

// Node 20 has no WebSocket, which createClient asks for although no test uses it.
const options = { auth: { persistSession: false }, realtime: { transport: require('ws') } }

export const connect = (key) => createClient(process.env.TURNOUT_URL, key, options)

export const client = connect(process.env.TURNOUT_KEY)

// Awaits a request and compares its whole answer. `expected` names only what differs from 200 without data, count and error.
export async function answers(request, expected) {
  const { data, error, count, status } = await request
  assert.deepEqual({ data, error, count, status }, { data: null, error: null, count: null, status: 200, ...expected })
}

// The same for a request that is refused.
export async function refuses(request, status, error) {
  await answers(request, { status, error: { details: null, hint: null, ...error } })
}

// Removes what tests have written.
export async function removeWritten() {
  await answers(client.from('visits').delete().neq('phone', ''), { status: 204 })
  await answers(client.from('counters').delete().gt('id', 0), { status: 204 })
}
