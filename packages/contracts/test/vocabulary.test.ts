import { randomUUID } from 'node:crypto'
import { faultOf } from '@onbehalf/rpc'
import { type TSchema, Type } from '@sinclair/typebox'
import t from 'tap'
import {
  CredentialHash,
  IdentityMode,
  ModeName,
  Principal,
  principalTicket,
  providerTicket,
  ServerIdentifier,
  Ticket,
  Uuid
} from '../src/index.ts'

const isOf = (schema: TSchema, value: unknown) => faultOf(schema, value) === undefined
const check = (t: Tap, schema: TSchema, good: unknown[], bad: unknown[]) => {
  for (const value of good) t.ok(isOf(schema, value), `${String(value)} is one`)
  for (const value of bad) t.notOk(isOf(schema, value), `${String(value)} is none`)
}
type Tap = { ok: (value: unknown, name: string) => unknown; notOk: (value: unknown, name: string) => unknown }

t.test('a server identifier can be told from the tool behind it', async (t) => {
  const good = ['a', '7', '-', 'a_b', 'a-b', 'a-_-b', 'weather_2', 'a'.repeat(64), `${'a_'.repeat(31)}aa`]
  const bad = ['', '_', '_a', 'a_', 'a__b', '__', 'A', 'aB', 'a b', 'a.b', 'a/b', 'ä', 'a\n', 'a'.repeat(65), 5, null]
  check(t, ServerIdentifier, good, bad)
})

t.test('a mode that this replica does not know travels, so that the one who mints can refuse it', async (t) => {
  check(t, ModeName, ['off', 'id_jag', 'of_tomorrow'], ['', 'Off', '_x', 'x y', '__proto__', 'a'.repeat(33), 5, null])
  check(t, IdentityMode, ['off', 'idp_token', 'token_exchange', 'signed', 'id_jag'], ['of_tomorrow', ''])
})

t.test('the formats our schemas use are known', async (t) => {
  const uuids = [randomUUID(), '0190163d-8694-739b-aea5-966c26f8ad91', randomUUID().toUpperCase()]
  check(t, Uuid, uuids, ['', 'x', randomUUID().slice(1), `${randomUUID()}0`, randomUUID().replaceAll('-', '')])
  const format = (name: string) => Type.String({ format: name })
  check(t, format('email'), ['a@b.example'], ['a', '@b', 'a@', 'a b@c', 'a@b@c'])
  check(t, format('uri'), ['https://a.example/x?y', 'urn:a:b'], ['a', '/x', 'https://'])
  const times = ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.678+09:30']
  check(t, format('date-time'), times, ['2026-01-02', '2026-13-02T03:04:05Z', '2026-01-02T03:04:05', 'now'])
})

t.test('a credential travels as a hash only', async (t) => {
  const token = `dfoa_${'A'.repeat(43)}`
  check(
    t,
    CredentialHash,
    ['A'.repeat(43), '_-0'.padEnd(43, 'z')],
    ['A'.repeat(42), 'A'.repeat(44), token, `${'A'.repeat(42)}=`]
  )
})

t.test('a ticket has a length it cannot exceed', async (t) => {
  check(t, Ticket, ['x', 'x'.repeat(4096)], ['', 'x'.repeat(4097)])
})

t.test('a principal is exactly one user or one app of one tenant', async (t) => {
  const [tenant_id, user_id, app_id] = [randomUUID(), randomUUID(), randomUUID()]
  const credential = { kind: 'session', id: randomUUID() }
  const user = { kind: 'user', tenant_id, user_id, role: 'owner', credential }
  const app = {
    kind: 'app',
    tenant_id,
    app_id,
    user_id: null,
    scopes: [],
    credential: { ...credential, kind: 'api_key' }
  }
  const good = [user, { ...user, role: null }, app, { ...app, user_id }]
  const bad = [
    { ...user, user_id: null },
    { ...user, tenant_id: undefined },
    { ...user, role: 'root' },
    { ...user, kind: 'service' },
    { ...user, credential: { kind: 'password', id: randomUUID() } },
    { ...app, app_id: undefined },
    { ...app, user_id: undefined }
  ]
  for (const value of good) t.ok(isOf(Principal, value))
  for (const value of bad) t.notOk(isOf(Principal, value), JSON.stringify(value))
})

t.test('only who resolves credentials says who is asking, and only mcp-provider what for', async (t) => {
  t.same(principalTicket.issuers, ['identity-broker', 'device-auth'])
  t.same(providerTicket.issuers, ['mcp-provider'])
  t.not(principalTicket.type, providerTicket.type)
})
