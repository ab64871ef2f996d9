import { randomUUID } from 'node:crypto'
import { eventually, until } from '@onbehalf/testkit'
import t from 'tap'
import { dueStore } from '../../src/tools/due-store.ts'
import { createIdentityOf } from '../../src/tools/identity.ts'
import { createListTools } from '../../src/tools/list.ts'
import { createRefreshDue } from '../../src/tools/refresh-due.ts'
import { createSchedule } from '../../src/tools/schedule.ts'
import { toolStore } from '../../src/tools/store.ts'
import { createWatch } from '../../src/tools/watch.ts'
import { watchStore } from '../../src/tools/watch-store.ts'
import { createWatches } from '../../src/tools/watches.ts'
import { startNotingServer } from '../mcp-server.ts'
import { startService } from '../start.ts'

const noting = await startNotingServer(t)
noting.answer = { ...noting.answer, tells: true }
const { app, as, broker, resources } = await startService(t, { allow: [noting.address] })
const { db, vault, mcp } = resources
const owner = await broker.signIn({ role: 'owner' })
const url = '/v1/mcp-providers'
const failures: unknown[] = []

/** A replica's watches and schedule; those of the service itself begin when it listens. */
const openReplica = ({ watchesMax = 100 } = {}) => {
  const identityOf = createIdentityOf(resources.tokens, async () => 'no ticket is asked for')
  const credentialOf = async () => null
  const listTools = createListTools({ mcp, identityOf, credentialOf, report: () => {} })
  const due = dueStore(db)
  const schedule = createSchedule({
    due,
    refresh: createRefreshDue({ vault, tools: toolStore(db), due, listTools, publish: () => {}, now: Date.now }),
    everySeconds: 3_600,
    random: () => 0.5,
    report: (error) => failures.push(error)
  })
  const watches = createWatches({
    store: watchStore(db),
    watch: createWatch({ vault, mcp, credentialOf, now: Date.now }),
    onChange: (id) => due.changed(id).then(schedule.hurry),
    watcher: randomUUID(),
    watchesMax,
    random: () => 0.5,
    now: Date.now,
    report: (error) => failures.push(error)
  })
  t.teardown(async () => {
    await watches.close()
    await schedule.close()
  })
  return watches
}

let made = 0
const create = async (given: object = {}, who = owner) => {
  made += 1
  const names = { name: `Server ${made}`, server_identifier: `server-${made}`, server_url: `${noting.url}/${made}` }
  const { status, body } = await as(who)('POST', url, { ...names, ...given })
  if (status !== 201) throw new Error(`${status} ${body.message}`)
  return { id: body.id, at: `${url}/${body.id}` }
}
const toolsAt = async (at: string) => (await as(owner)('GET', at)).body.tools.map(({ name }) => name)
/** As if its last listing were long ago, so that it may be listed again. */
const forgetListing = (id: string) =>
  db
    .updateTable('provider')
    .set({ tools_listed_at: new Date(0) })
    .where('id', '=', id)
    .execute()
const standingOf = (id: string) =>
  db
    .selectFrom('provider')
    .select(['tools_watcher', 'tools_watch_at', 'tools_watch_failures'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
const hoursUntil = (date: Date) => (date.getTime() - Date.now()) / 3_600_000
const listeners = (count: number) =>
  eventually(
    () => noting.listening.length,
    (found) => found === count
  )
/** With what those came who wanted to listen. */
const heard = () => noting.seen.filter((seen) => seen['mcp-method'] === 'subscriptions/listen')
const forget = async (...providers: { at: string }[]) => {
  for (const { at } of providers) await as(owner)('DELETE', at)
}

t.test('what a server tells of is listed at once, and one replica listens', async (t) => {
  const [one, other] = [openReplica(), openReplica()]
  const provider = await create()
  await forgetListing(provider.id)
  noting.answer = { ...noting.answer, tools: [{ name: 'before it was listened to' }] }
  await Promise.all([one.look(), other.look()])
  t.equal(await listeners(1), 1)
  t.same(
    await eventually(
      () => toolsAt(provider.at),
      ([name]) => name !== 'noted'
    ),
    ['before it was listened to']
  )
  const { tools_watcher } = await standingOf(provider.id)
  await Promise.all([one.renew(), other.renew(), one.look(), other.look()])
  t.match(await standingOf(provider.id), { tools_watcher })
  noting.answer = { ...noting.answer, tools: [{ name: 'next' }] }
  await forgetListing(provider.id)
  noting.tell()
  t.same(
    await eventually(
      () => toolsAt(provider.at),
      ([name]) => name === 'next'
    ),
    ['next']
  )
  t.equal(heard().length, 1, 'it came by the stream that was there before they looked again')
  await Promise.all([one.close(), other.close()])
  await forget(provider)
})

const ten = { limit: 10, perTenant: 10, except: [], leaseSeconds: 900 }

t.test('a change told of while the tools are listed is not lost', async (t) => {
  const provider = await create()
  const due = dueStore(db)
  await db
    .updateTable('provider')
    .set({ tools_due_at: new Date(0) })
    .where('id', '=', provider.id)
    .execute()
  t.same(
    (await due.claim(ten)).map(({ id }) => id),
    [provider.id]
  )
  await forgetListing(provider.id)
  await due.changed(provider.id)
  t.same(await due.claim(ten), [], 'it is not listed twice at a time')
  await due.postpone(provider.id, 3_600)
  const { tools_due_at } = await db
    .selectFrom('provider')
    .select('tools_due_at')
    .where('id', '=', provider.id)
    .executeTakeFirstOrThrow()
  t.ok(hoursUntil(tools_due_at) < 0.1, 'but again as soon as that is done')
  await forget(provider)
})

t.test('when a replica leaves, or is gone, another one listens in its place', async (t) => {
  const [one, other, third] = [openReplica(), openReplica(), openReplica()]
  const provider = await create()
  await one.look()
  t.equal(await listeners(1), 1)
  await one.close()
  t.equal(await listeners(0), 0)
  await other.look()
  t.equal(await listeners(1), 1, 'it left')
  await db
    .updateTable('provider')
    .set({ tools_watch_at: new Date(0) })
    .where('id', '=', provider.id)
    .execute()
  await third.look()
  t.equal(await listeners(2), 2, 'its lease is over')
  await other.renew()
  t.equal(await listeners(1), 1, 'it sees that it is no longer its own')
  const before = await standingOf(provider.id)
  await third.renew()
  const after = await standingOf(provider.id)
  t.equal(after.tools_watcher, before.tools_watcher)
  t.ok(after.tools_watch_at > before.tools_watch_at, 'and its own it keeps')
  await Promise.all([other.close(), third.close()])
  await forget(provider)
})

t.test('a replica listens to so many servers, and of one tenant to no more than are left free', async (t) => {
  const few = openReplica({ watchesMax: 4 })
  const others = await Promise.all([1, 2, 3].map(() => broker.signIn({ role: 'owner' })))
  const taken = async () => {
    const rows = db.selectFrom('provider').select('tenant_id').where('tools_watcher', 'is not', null)
    return (await rows.execute()).map(({ tenant_id }) => tenant_id).toSorted()
  }
  const tenants = (...people: { tenant_id: string }[]) => people.map(({ tenant_id }) => tenant_id).toSorted()
  const [second, third, fourth] = others
  if (!second || !third || !fourth) throw new Error('three signed in')
  const many = await Promise.all([create(), create(), create(), create(), create(), create()])
  await Promise.all([few.look(), few.look()])
  t.same(await taken(), tenants(owner, owner))
  t.equal(await listeners(2), 2)
  for (const other of [second, third, fourth]) await create({}, other)
  await few.look()
  t.same(await taken(), tenants(owner, owner, second, third), 'two tenants do not have all either')
  await few.close()
  const one = openReplica({ watchesMax: 2 })
  await one.look()
  t.equal(new Set(await taken()).size, 2, 'those who wait take turns')
  await one.close()
  await forget(...many)
  await db.deleteFrom('provider').execute()
})

t.test('a server that does not tell is asked again the next day, one that fails later each time', async (t) => {
  const one = openReplica()
  noting.answer = { ...noting.answer, tells: false }
  const silent = await create()
  await one.look()
  await until(async () => (await standingOf(silent.id)).tools_watcher === null)
  t.match(await standingOf(silent.id), { tools_watch_failures: 0 })
  t.ok(hoursUntil((await standingOf(silent.id)).tools_watch_at) > 20)
  await forget(silent)

  noting.answer = { ...noting.answer, tells: true }
  const failing = await create()
  noting.answer = { ...noting.answer, status: 503 }
  const waits: number[] = []
  for (const failure of [1, 2, 3]) {
    await db
      .updateTable('provider')
      .set({ tools_watch_at: new Date(0) })
      .where('id', '=', failing.id)
      .execute()
    await one.look()
    await until(async () => (await standingOf(failing.id)).tools_watch_failures === failure)
    waits.push(hoursUntil((await standingOf(failing.id)).tools_watch_at))
  }
  noting.answer = { ...noting.answer, status: 200 }
  t.same(
    waits.toSorted((left, right) => left - right),
    waits
  )
  t.ok(waits.every((hours) => hours < 1))
  await forget(failing)
  failures.length = 0
})

t.test('a server that gets identities of users, or was not reached, is listened to by nobody', async (t) => {
  const forwarding = await create({ forward_user_identity: true, identity_mode: 'idp_token' })
  await db.updateTable('provider').set({ tools_status: 'fresh' }).where('id', '=', forwarding.id).execute()
  noting.answer = { ...noting.answer, status: 500 }
  const away = await create()
  noting.answer = { ...noting.answer, status: 200 }
  const standings = () => Promise.all([standingOf(forwarding.id), standingOf(away.id)])
  const before = await standings()
  await openReplica().look()
  t.same(await standings(), before)
  await forget(forwarding, away)
})

t.test('a service listens with the headers that a provider has now, and no longer to one that is gone', async (t) => {
  const { at } = await create({ headers: { 'X-Key': 'first' } })
  await app.listen({ port: 0, host: '127.0.0.1' })
  await until(() => noting.listening.length === 1)
  t.match(heard().at(-1), { 'x-key': 'first' })
  await as(owner)('PATCH', at, { headers: { 'X-Key': 'second' } })
  // It is not listened to before it was listed anew, and then when the service looks next.
  await until(() => heard().at(-1)?.['x-key'] === 'second' && noting.listening.length === 1, 60)
  await as(owner)('DELETE', at)
  t.equal(await listeners(0), 0)
  t.same(failures, [])
})
