import { randomUUID } from 'node:crypto'
import { until } from '@onbehalf/testkit'
import t from 'tap'
import { providerStore } from '../../src/providers/store.ts'
import { dueStore } from '../../src/tools/due-store.ts'
import { createIdentityOf } from '../../src/tools/identity.ts'
import { createListTools } from '../../src/tools/list.ts'
import { createRefreshDue } from '../../src/tools/refresh-due.ts'
import { createSchedule } from '../../src/tools/schedule.ts'
import { toolStore } from '../../src/tools/store.ts'
import { startNotingServer } from '../mcp-server.ts'
import { startService } from '../start.ts'

const noting = await startNotingServer(t)
const slow = await startNotingServer(t)
const { as, broker, resources } = await startService(t, { allow: [noting.address, slow.address] })
const { db, vault, mcp } = resources
const owner = await broker.signIn({ role: 'owner' })
const url = '/v1/mcp-providers'
const failures: unknown[] = []
const told: string[] = []
let onTold = () => {}

/** A replica's schedule; that of the service itself begins when it listens. */
const openSchedule = () => {
  const identityOf = createIdentityOf(resources.tokens, async () => 'no ticket is asked for')
  const listTools = createListTools({ mcp, identityOf, credentialOf: async () => null, report: () => {} })
  const due = dueStore(db)
  const publish = ({ id }: { id: string }) => {
    told.push(id)
    onTold()
  }
  return createSchedule({
    due,
    refresh: createRefreshDue({ vault, tools: toolStore(db), due, listTools, publish, now: Date.now }),
    everySeconds: 3_600,
    random: () => 0.5,
    report: (error) => failures.push(error)
  })
}
const [one, other] = [openSchedule(), openSchedule()]
t.teardown(async () => {
  await Promise.all([one.close(), other.close()])
})

/** How often a list of tools was asked for. */
const listings = () => noting.seen.filter((seen) => seen['mcp-method'] === 'tools/list').length

let made = 0
const create = async (given: object = {}, who = owner) => {
  made += 1
  const names = { name: `Server ${made}`, server_identifier: `server-${made}`, server_url: `${noting.url}/${made}` }
  const { status, body } = await as(who)('POST', url, { ...names, ...given })
  if (status !== 201) throw new Error(`${status} ${body.message}`)
  return { id: body.id, at: `${url}/${body.id}` }
}
const makeDue = (ids: readonly string[]) =>
  db
    .updateTable('provider')
    .set({ tools_due_at: new Date(0) })
    .where('id', 'in', ids)
    .execute()

t.test('what is due is listed anew by one replica, and its change is told and on record as of nobody', async (t) => {
  const providers = await Promise.all(Array.from({ length: 20 }, () => create()))
  noting.seen.length = 0
  told.length = 0
  noting.answer = { status: 200, tools: [{ name: 'noted' }, { name: 'added' }] }
  await makeDue(providers.map(({ id }) => id))
  await Promise.all([one.runDue(), other.runDue()])
  t.equal(listings(), providers.length, 'each of them once')
  for (const { at } of providers)
    t.match((await as(owner)('GET', at)).body.tools, [{ name: 'noted' }, { name: 'added' }])
  t.same(told.toSorted(), providers.map(({ id }) => id).toSorted())
  const [first] = providers
  const { text } = await as(owner)('GET', `/v1/audit/providers?subject_id=${first?.id}`)
  t.match(JSON.parse(text).data[0], {
    ...{ action: 'provider.tools_refreshed', actor: { kind: 'system' } },
    details: { added: ['added'], tools: 2 }
  })

  noting.seen.length = 0
  await Promise.all([one.runDue(), other.runDue()])
  t.same(noting.seen, [], 'and not again before its time')
  told.length = 0
  await makeDue(providers.map(({ id }) => id))
  await Promise.all([one.runDue(), other.runDue()])
  t.same(told, [], 'what did not change is not told')
  const again = await as(owner)('GET', `/v1/audit/providers?subject_id=${first?.id}`)
  t.equal(again.text, text, 'nor on record')
})

t.test('a tenant whose servers are all slow holds up no other', async (t) => {
  const gate = Promise.withResolvers<void>()
  const neighbour = await broker.signIn({ role: 'owner', tenant_id: randomUUID() })
  slow.answer = { status: 200, tools: [] }
  const patient = { timeout: 600, sse_read_timeout: 600 }
  const held = await Promise.all(
    Array.from({ length: 40 }, (_, place) => create({ server_url: `${slow.url}/${place}`, configuration: patient }))
  )
  const other = await create({}, neighbour)
  slow.answer = { status: 200, tools: [{ name: 'at last' }], gate: gate.promise }
  noting.answer = { status: 200, tools: [{ name: 'meanwhile' }] }
  told.length = 0
  slow.seen.length = 0
  await makeDue(held.map(({ id }) => id))
  const { promise, resolve } = Promise.withResolvers<void>()
  onTold = resolve
  const running = one.runDue()
  await until(() => slow.seen.filter((seen) => seen['mcp-method'] === 'tools/list').length >= 4)
  await makeDue([other.id])
  one.hurry()
  await promise
  t.same(told, [other.id])
  gate.resolve()
  await running
  t.same(told.toSorted(), [other.id, ...held.map(({ id }) => id)].toSorted(), 'and all of its own are listed')
})

t.test('a slow server holds up no other', async (t) => {
  const gate = Promise.withResolvers<void>()
  const patient = { timeout: 600, sse_read_timeout: 600 }
  const held = await create({ server_url: slow.url, configuration: patient })
  const others = await Promise.all(Array.from({ length: 40 }, () => create()))
  slow.answer = { status: 200, tools: [], gate: gate.promise }
  noting.answer = { status: 200, tools: [{ name: 'next' }] }
  told.length = 0
  await makeDue([held.id, ...others.map(({ id }) => id)])
  const { promise, resolve } = Promise.withResolvers<void>()
  onTold = () => {
    if (told.length === others.length) resolve()
  }
  const running = one.runDue()
  await promise
  t.notOk(told.includes(held.id))
  gate.resolve()
  await running
  t.ok(told.includes(held.id))
})

t.test('nobody forwards an identity on time: the last list is kept, as stale', async (t) => {
  const issuing = { forward_user_identity: true, identity_mode: 'idp_token' }
  const { id, at } = await create()
  const wanting = await create()
  const store = providerStore(db)
  await as(owner)('PATCH', at, issuing)
  noting.seen.length = 0
  await makeDue([id])
  await one.runDue()
  t.same(noting.seen, [])
  t.match((await as(owner)('GET', at)).body, { tools_status: 'stale', tools: [{ name: 'next' }] })

  noting.answer = { ...noting.answer, status: 401 }
  await makeDue([wanting.id])
  await one.runDue()
  t.match((await as(owner)('GET', wanting.at)).body, { tools_status: 'stale', tools: [{ name: 'next' }] })
  noting.answer = { ...noting.answer, status: 500 }
  await makeDue([wanting.id])
  await one.runDue()
  noting.answer = { ...noting.answer, status: 200 }
  t.match((await as(owner)('GET', wanting.at)).body, { tools_status: 'unreachable', tools: [{ name: 'next' }] })
  t.equal((await store.find(owner.tenant_id, wanting.id))?.revision, 1, 'and it is no change of the provider')
  t.same(failures, [])
})
