import { randomUUID } from 'node:crypto'
import { startBackends } from '@onbehalf/testkit'
import t from 'tap'
import {
  type AuditTables,
  anyUser,
  auditContextOf,
  auditRoutes,
  openPostgres,
  orKeyFor,
  recordAudit
} from '../src/index.ts'
import { createDirectory, startApp } from './app.ts'

const backends = await startBackends(t)
const { db, close } = await openPostgres<AuditTables>(backends.environmentFor('mcp-provider').DATABASE_URL ?? '')
t.teardown(close)
const directory = createDirectory()
const path = '/v1/audit/things'
const { app } = await startApp(t, {
  authenticators: directory.authenticators,
  routes: (app) => {
    auditRoutes(app, { path, db })
    app.post('/things', { config: { access: orKeyFor('tools:call', anyUser) } }, async (request) => {
      const context = auditContextOf(request)
      await recordAudit(db, { ...context, action: 'thing.made', subject: { kind: 'thing', id: randomUUID() } })
      return context
    })
  }
})
const get = async (headers: Record<string, string>, query = '') => {
  const answer = await app.inject({ url: `${path}${query}`, headers })
  return { status: answer.statusCode, body: answer.json() }
}
const make = async (headers: Record<string, string>) =>
  (await app.inject({ method: 'POST', url: '/things', headers })).json()

t.test('an event says who, by which request and from where', async (t) => {
  const owner = directory.deviceToken('owner')
  const { actor, request_id } = await make(owner)
  const { body } = await get(owner)
  const subject = { kind: 'thing', id: String }
  t.match(body, { data: [{ action: 'thing.made', actor, subject, request_id, ip: '127.0.0.1' }], next_cursor: null })
  t.match(body.data[0].created_at, /^\d{4}-\d\d-\d\dT/)
  const app = await make(directory.apiKey())
  t.equal(app.actor.kind, 'app')
})

t.test('administrators read the record of their own tenant, others do not', async (t) => {
  const owner = directory.deviceToken('owner')
  await make(owner)
  t.equal((await get(directory.deviceToken('admin'))).body.data.length, 0, 'another tenant sees nothing of it')
  t.equal((await get(directory.deviceToken('member'))).status, 403)
  t.equal((await get(directory.deviceToken(null))).status, 403)
  t.equal((await get(directory.apiKey())).status, 403)
  t.equal((await get(directory.apiKey(['audit:read']))).status, 200)
  t.equal((await get({})).status, 401)
})

t.test('it is read in pages, and by action, actor, subject and time', async (t) => {
  const owner = directory.deviceToken('owner')
  const { tenant_id } = await make(owner)
  const [actor, subject] = [randomUUID(), randomUUID()]
  const record = (action: string, created: string) =>
    db.transaction().execute(async (transaction) => {
      const event = {
        tenant_id,
        action,
        actor: { kind: 'user' as const, id: actor },
        subject: { kind: 'x', id: subject }
      }
      await recordAudit(transaction, event)
      const created_at = new Date(created)
      await transaction.updateTable('audit_event').set({ created_at }).where('action', '=', action).execute()
    })
  const marks = [1, 2, 3].map((day) => ({ action: `x.${randomUUID()}`, at: `2020-01-0${day}T00:00:00Z` }))
  for (const { action, at } of marks) await record(action, at)
  const actionsOf = async (query: string): Promise<string[]> =>
    (await get(owner, query)).body.data.map(({ action }: { action: string }) => action)
  const [first = '', second = '', third = ''] = marks.map(({ action }) => action)
  t.same(await actionsOf(`?actor_id=${actor}`), [third, second, first])
  t.same(await actionsOf(`?subject_id=${subject}&limit=1`), [third])
  t.same(await actionsOf(`?action=${second}`), [second])
  t.same(await actionsOf('?until=2020-01-03T00:00:00Z'), [second, first])
  t.same(await actionsOf('?since=2020-01-02T00:00:00Z&until=2020-01-03T00:00:00Z'), [second])
  const page = await get(owner, `?actor_id=${actor}&limit=2`)
  t.same(await actionsOf(`?actor_id=${actor}&limit=2&cursor=${page.body.next_cursor}`), [first])
  for (const wrong of [
    'limit=201',
    'since=yesterday',
    'until=0000-01-01T00:00:00Z',
    'action=%00',
    'actor_id=me',
    'sort=up'
  ])
    t.match(await get(owner, `?${wrong}`), { status: 400, body: { details: [{ path: wrong.split('=')[0] }] } }, wrong)
})

t.test('an event stands or falls with its change', async (t) => {
  const tenant_id = randomUUID()
  const event = { tenant_id, action: 'x.y', actor: { kind: 'system' as const }, subject: { kind: 'x' } }
  const change = db.transaction().execute(async (transaction) => {
    await recordAudit(transaction, event)
    throw new Error('the change failed')
  })
  await t.rejects(change, /the change failed/)
  await recordAudit(db)
  const rows = await db.selectFrom('audit_event').selectAll().where('tenant_id', '=', tenant_id).execute()
  t.same(rows, [])
})
