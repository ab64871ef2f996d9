import { newId, openPostgres } from '@onbehalf/service-kit'
import { startBackends, until } from '@onbehalf/testkit'
import { sql } from 'kysely'
import t from 'tap'
import type { Database } from '../../src/database.ts'
import { createRevocations } from '../../src/oauth/revocations/schedule.ts'
import { revocationStore } from '../../src/oauth/revocations/store.ts'

const backends = await startBackends(t)
const { db, close } = await openPostgres<Database>(backends.environmentFor('mcp-provider').DATABASE_URL ?? '')
t.teardown(close)

/** What a tenant dropped, and for how many seconds it is due. */
const drop = (tenant_id: string, count: number, seconds: number) =>
  db
    .insertInto('oauth_revocation')
    .values(
      Array.from({ length: count }, () => ({
        ...{ credential_id: newId(), generation: 1, tenant_id, provider_id: newId(), user_id: null },
        ...{ issuer: '', token_endpoint: '', client_id: '', grant_type: 'authorization_code' as const, resource: '' },
        ...{ refresh_token: null, access_token: null, authentication: null, authorization_issuer: null },
        due_at: sql<Date>`now() - make_interval(secs => ${seconds})`
      }))
    )
    .execute()

t.test('a tenant whose server never answers holds up nobody else', async (t) => {
  const [hostile, neighbour] = [newId(), newId()]
  const gate = Promise.withResolvers<void>()
  const asked: string[] = []
  const revocations = createRevocations({
    store: revocationStore(db),
    revoke: async ({ tenant_id }) => {
      asked.push(tenant_id)
      if (tenant_id === hostile) await gate.promise
      return undefined
    },
    report: (error) => t.fail(String(error)),
    reportMany: ({ count }) => t.fail(`${count} are given up`),
    reportStore: (error) => t.fail(String(error))
  })
  t.teardown(() => {
    gate.resolve()
    return revocations.close()
  })
  await drop(hostile, 40, 3_600)
  revocations.hurry(hostile)
  await until(() => asked.length > 0)
  await drop(neighbour, 1, 60)
  revocations.hurry(neighbour)
  await until(() => asked.includes(neighbour))
  t.equal(asked.length, 5, 'some of its own at a time')
  gate.resolve()
  await until(async () => (await db.selectFrom('oauth_revocation').select('tenant_id').execute()).length === 0)
  t.equal(asked.length, 41, 'and all of them in the end')
})

t.test(
  'what is due is taken back also while nobody can be counted, and who dropped something is counted alone',
  async (t) => {
    const [tenant, counted, kept] = [newId(), [] as unknown[], [] as unknown[]]
    const away = new Error('away')
    const store = revocationStore(db)
    let looks = 0
    const revocations = createRevocations({
      store: {
        ...store,
        claim: (wanted) => {
          looks += 1
          return looks === 1 ? Promise.reject(away) : store.claim(wanted)
        },
        giveUpOldest: async (tenants) => {
          counted.push(tenants)
          throw away
        }
      },
      revoke: async () => undefined,
      report: (error) => t.fail(String(error)),
      reportMany: ({ count }) => t.fail(`${count} are given up`),
      reportStore: (error) => kept.push(error)
    })
    t.teardown(revocations.close)
    await drop(tenant, 1, 60)
    revocations.hurry(tenant)
    await until(() => kept.length === 2)
    t.same(counted, [[tenant]])
    t.same(kept, [away, away], 'what the database did is not said of the authorization server')
    revocations.hurry(tenant)
    await until(async () => (await db.selectFrom('oauth_revocation').select('tenant_id').execute()).length === 0)
    t.same(counted, [[tenant], [tenant]], 'once each time')
    t.same(kept, [away, away, away])
  }
)
