import { randomUUID } from 'node:crypto'
import { busAuthenticators } from '@onbehalf/service-kit'
import { eventually, untilLocked } from '@onbehalf/testkit'
import { Client } from 'pg'
import t from 'tap'
import { apiOf } from '../api.ts'
import { logins, type SignedIn, signInAs, startBroker } from '../start.ts'

const broker = await startBroker(t)
const connect = async () => {
  const client = new Client({ connectionString: broker.backends.adminDatabaseUrl })
  await client.connect()
  return client
}
const database = await connect()
const owner = await signInAs(broker, logins.owner)
const user = await signInAs(broker, logins.user)
const second = await signInAs(broker, logins.second)
const stranger = await signInAs(broker, logins.owner, 'globex')
t.teardown(() => database.end())

const send = apiOf(broker)
const at = ({ userId }: SignedIn) => `/v1/members/${userId}`
const setRole = async ({ userId }: SignedIn, role: string) => {
  await database.query('update identity_broker.member set role = $2 where user_id = $1', [userId, role])
}
const roleOf = async ({ userId }: SignedIn) =>
  (await database.query('select role from identity_broker.member where user_id = $1', [userId])).rows[0]?.role

/** Both requests come as far as the rows that are held here, and only then may go on. */
const atOnce = async (method: string): Promise<number[]> => {
  const holder = await connect()
  try {
    await holder.query('begin; select from identity_broker.member for update')
    const body = method === 'PATCH' ? { role: 'member' } : undefined
    const both = Promise.all([send(owner, method, at(user), body), send(user, method, at(owner), body)])
    await untilLocked(database, 2)
    await holder.query('commit')
    return (await both).map(({ status }) => status)
  } finally {
    await holder.end()
  }
}

await t.test('administrators list and search the members of their own tenant', async (t) => {
  const idsOf = async (query: string): Promise<string[]> =>
    (await send(owner, 'GET', `/v1/members${query}`)).body.data.map((one: { user_id: string }) => one.user_id)
  t.equal((await idsOf('')).length, 4)
  t.same(await idsOf('?role=owner'), [owner.userId])
  t.same(await idsOf('?search=ANN'), [user.userId], 'a name, in any case')
  t.same(await idsOf('?search=cem@acme'), [second.userId], 'an e-mail')
  t.same(
    await idsOf(`?search=${logins.absent}`),
    [broker.userIds[logins.absent]],
    'a subject of somebody who never came'
  )
  t.same(await idsOf('?search=%25'), [], 'a wildcard is a letter')
  const first = await send(owner, 'GET', '/v1/members?limit=3')
  const rest = await idsOf(`?limit=3&cursor=${first.body.next_cursor}`)
  t.equal(new Set([...first.body.data.map((one: { user_id: string }) => one.user_id), ...rest]).size, 4)
  const member = {
    user_id: user.userId,
    email: 'ann@acme.test',
    is_email_verified: true,
    role: 'member',
    subject: 'ann'
  }
  t.match(await send(owner, 'GET', at(user)), { status: 200, body: member })
  t.match(await send(owner, 'GET', '/v1/members?role=king'), { status: 400, body: { details: [{ path: 'role' }] } })
})

await t.test('a member reads and changes nobody; another tenant’s members do not exist', async (t) => {
  for (const [method, body] of [['GET'], ['PATCH', { role: 'admin' }], ['DELETE']] as const) {
    t.equal((await send(user, method, at(second), body)).status, 403, `${method} as a member`)
    t.match(await send(stranger, method, at(second), body), { status: 404, body: { code: 'not_found' } }, method)
    t.equal((await send(owner, method, `/v1/members/${randomUUID()}`, body)).status, 404)
  }
  t.equal((await send(stranger, 'GET', '/v1/members')).body.data.length, 1)
  t.equal(await roleOf(second), 'member')
})

await t.test('a role that changes is another role everywhere at once, and on record', async (t) => {
  const elsewhere = busAuthenticators(broker.bus, { accepts: ['session'] })
  t.teardown(elsewhere.close)
  const roleElsewhere = async () => {
    const key = { tenant_id: broker.tenantId, session_id: user.sessionId }
    const { principal } = (await elsewhere.authenticators.session?.(key)) ?? {}
    return principal?.kind === 'user' ? principal.role : undefined
  }
  t.equal(await roleElsewhere(), 'member')
  t.match(await send(owner, 'PATCH', at(user), { role: 'admin' }), { status: 200, body: { role: 'admin' } })
  // What is held is asked again after 20 s at the earliest: only the feed makes it come sooner.
  t.equal(await eventually(roleElsewhere, (role) => role === 'admin'), 'admin')
  t.equal((await send(user, 'GET', '/v1/members')).status, 200)
  await send(owner, 'PATCH', at(user), { role: 'admin' })
  const { body } = await send(owner, 'GET', `/v1/audit/identity?subject_id=${user.userId}`)
  const details = { from: 'member', to: 'admin' }
  t.match(body.data, [
    { action: 'member.role_changed', actor: { kind: 'user', id: owner.userId }, details },
    { action: 'member.joined', actor: { kind: 'system' }, details: { by: 'bootstrap', role: 'member' } }
  ])
  t.equal(body.data.length, 2, 'what changed nothing is not on record')
})

await t.test('an admin decides about members, and not about admins and owners', async (t) => {
  await setRole(user, 'admin')
  const refused = { status: 403, body: { code: 'forbidden', details: [{ path: 'role' }] } }
  t.match(await send(user, 'PATCH', at(second), { role: 'admin' }), refused, 'nobody is raised')
  t.match(await send(user, 'PATCH', at(user), { role: 'owner' }), refused, 'nor they themselves')
  t.match(await send(user, 'PATCH', at(owner), { role: 'member' }), refused)
  t.match(await send(user, 'DELETE', at(owner)), refused)
  t.match(await send(owner, 'PATCH', at(second), { role: 'king' }), {
    status: 400,
    body: { details: [{ path: 'role' }] }
  })
  t.match(await send(owner, 'PATCH', at(second), { role: 'member', x: 1 }), {
    status: 400,
    body: { details: [{ path: 'x' }] }
  })
  t.same([await roleOf(owner), await roleOf(second)], ['owner', 'member'])
})

await t.test('who is removed is an external user from then on: still signed in, without a role', async (t) => {
  t.equal((await send(owner, 'DELETE', at(second))).status, 204)
  t.equal((await send(owner, 'DELETE', at(second))).status, 404)
  t.match(await send(second, 'GET', '/auth/me'), { status: 200, body: { role: null } })
  t.equal((await send(second, 'GET', '/v1/members')).status, 403)
  const { body } = await send(owner, 'GET', '/v1/audit/identity?action=member.removed')
  t.match(body.data, [{ subject: { kind: 'user', id: second.userId }, details: { role: 'member' } }])
})

await t.test('the last owner can be neither demoted nor removed, also by themselves', async (t) => {
  const refused = { status: 409, body: { code: 'conflict', details: [{ path: 'role' }] } }
  t.match(await send(owner, 'PATCH', at(owner), { role: 'admin' }), refused)
  t.match(await send(owner, 'DELETE', at(owner)), refused)
  t.equal((await send(owner, 'PATCH', at(owner), { role: 'owner' })).status, 200)
})

await t.test('of two owners who demote each other at once, one stays', async (t) => {
  for (const method of ['PATCH', 'DELETE']) {
    await setRole(user, 'owner')
    const statuses = await atOnce(method)
    t.same(statuses.filter((status) => status < 300).length, 1, method)
    const { rows } = await database.query(
      "select user_id from identity_broker.member where role = 'owner' and tenant_id = $1",
      [broker.tenantId]
    )
    t.equal(rows.length, 1, method)
    await database.query(
      `insert into identity_broker.member (user_id, tenant_id, role) values ($1, $3, 'owner'), ($2, $3, 'owner')
       on conflict (user_id) do update set role = 'owner'`,
      [owner.userId, user.userId, broker.tenantId]
    )
  }
})
