import { untilLocked } from '@onbehalf/testkit'
import { Client } from 'pg'
import t from 'tap'
import type { Setting } from './setting.ts'

/** What others have, change or take away meanwhile. */
export const testMeanwhile = ({ backends, resources, noting, asOwner, create }: Setting): void => {
  t.test('a value that another provider has is a conflict that names the field', async (t) => {
    const [first, second] = [await create(), await create()]
    for (const field of ['name', 'server_identifier', 'server_url'] as const) {
      const { status, body } = await asOwner('PATCH', second.at, { [field]: first.body[field] })
      t.equal(status, 409)
      t.match(body, { code: 'conflict', details: [{ path: field }] })
    }
    t.same((await asOwner('GET', second.at)).body, second.body)
  })

  t.test('of two changes at once one is made and the other is told to read again', async (t) => {
    const { body, at } = await create()
    const admin = new Client({ connectionString: backends.adminDatabaseUrl })
    await admin.connect()
    t.teardown(() => admin.end())
    await admin.query('begin')
    await admin.query('select from mcp_provider.provider where id = $1 for update', [body.id])
    const changes = ['First', 'Second'].map((name) => asOwner('PATCH', at, { name }))
    // Both have read revision 1 once both wait for the row.
    await untilLocked(admin, 2)
    await admin.query('rollback')
    const answers = await Promise.all(changes)
    t.same(answers.map(({ status }) => status).sort(), [200, 409])
    t.match(answers.find(({ status }) => status === 409)?.body, { code: 'conflict', message: /Read it and try again/ })
    t.equal((await asOwner('GET', at)).body.revision, 2)
  })

  t.test('a list that arrives after the URL was changed is not kept; one that a rename overtakes is', async (t) => {
    const { at } = await create()
    const overtakenBy = async (change: object) => {
      const [gate, arrived] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      noting.answer = { status: 200, tools: [{ name: 'old' }], gate: gate.promise, onRequest: arrived.resolve }
      const listing = asOwner('POST', `${at}/refresh-tools`)
      await arrived.promise
      noting.answer = { status: 200, tools: [{ name: 'new' }] }
      t.equal((await asOwner('PATCH', at, change)).status, 200)
      noting.answer = { status: 200, tools: [{ name: 'old' }] }
      gate.resolve()
      return listing
    }
    const renamed = await overtakenBy({ name: 'Overtaken' })
    t.match(renamed, { status: 200, body: { name: 'Overtaken', tools: [{ name: 'old' }] } })
    const moved = await overtakenBy({ server_url: `${noting.url}?overtaken` })
    t.match(moved, { status: 409, body: { code: 'conflict' } })
    t.match((await asOwner('GET', at)).body, { tools: [{ name: 'new' }], tools_status: 'fresh' })
  })

  t.test('what was deleted is gone, with its tools', async (t) => {
    const { body, at } = await create()
    const { status, text } = await asOwner('DELETE', at)
    t.equal(status, 204)
    t.equal(text, '')
    for (const method of ['GET', 'PATCH', 'DELETE'] as const)
      t.match(await asOwner(method, at, method === 'PATCH' ? {} : undefined), {
        status: 404,
        body: { code: 'not_found' }
      })
    t.equal((await asOwner('POST', `${at}/refresh-tools`)).status, 404)
    const left = await resources.db.selectFrom('tool').selectAll().where('provider_id', '=', body.id).execute()
    t.same(left, [])
  })
}
