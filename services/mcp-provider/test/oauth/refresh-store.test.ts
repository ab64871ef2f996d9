import { randomBytes } from 'node:crypto'
import { type StoreFixture, storePromises } from '@onbehalf/lease/testing'
import { newId, openPostgres, openVault } from '@onbehalf/service-kit'
import { recordSecrets, startBackends } from '@onbehalf/testkit'
import { parseKeyRing } from '@onbehalf/vault'
import { sql } from 'kysely'
import t from 'tap'
import type { Database } from '../../src/database.ts'
import { broughtStore } from '../../src/oauth/brought-store.ts'
import { type AccessToken, type Holder, tokenPlace } from '../../src/oauth/credential.ts'
import { type Material, refreshStore, type Want } from '../../src/oauth/refresh/store.ts'
import { credentialStore } from '../../src/oauth/store.ts'

const backends = await startBackends(t)
const { db, close } = await openPostgres<Database>(backends.environmentFor('mcp-provider').DATABASE_URL ?? '')
t.teardown(close)
const masterKey = randomBytes(32).toString('base64')
const vault = await openVault(db, parseKeyRing(`k1:${masterKey}`))
recordSecrets([masterKey])

const secret = (): string => {
  const made = randomBytes(24).toString('base64url')
  recordSecrets([made])
  return made
}
const [tenant_id, provider_id] = [newId(), newId()]
await db
  .insertInto('provider')
  .values({
    ...{ id: provider_id, tenant_id, name: 'a', server_identifier: 'a', created_by: newId() },
    ...{ server_url: Buffer.alloc(0), server_url_hash: '', timeout: 1, sse_read_timeout: 1 },
    ...{ forward_user_identity: false, identity_mode: 'off', tools_status: 'stale' }
  })
  .execute()

const credentials = { ...credentialStore(db, vault), ...broughtStore(db, vault) }
const announced: string[] = []
const store = refreshStore({ db, vault, onDead: ({ id }) => announced.push(id) })
const [issuer, resource] = ['https://as.test', 'https://tools.test/mcp']
const event = { tenant_id, actor: { kind: 'system' }, action: 'credential.x', subject: { kind: 'provider' } } as const

const hourMs = 3_600_000
const accessOf = (renew_at: number): AccessToken => ({
  ...{ token: secret(), expires_at: Date.now() + hourMs, renew_at, scope: 'read' }
})
/** With a token that is due, as if there was none. */
const signInAs = async (holder: Holder): Promise<string> => {
  const bound = { ...holder, issuer, token_endpoint: `${issuer}/token`, client_id: 'ours', resource, scope: 'read' }
  const asked_scope = bound.scope
  const brought = {
    ...bound,
    asked_scope,
    grant_type: 'authorization_code' as const,
    refresh_token: secret(),
    access: accessOf(0)
  }
  t.ok(await credentials.put(brought, { revision: 1, event }))
  return (await credentials.find(holder))?.id ?? ''
}
const rowOf = (id: string) =>
  db.selectFrom('oauth_credential').selectAll().where('id', '=', id).executeTakeFirstOrThrow()

const fixture: StoreFixture<Material, Want, AccessToken> = {
  store,
  keepsOneToken: true,
  wants: [{ resource }, { resource: 'https://tools.test/other' }],
  make: () => signInAs({ tenant_id, provider_id, user_id: newId() }),
  answerTo: ({ material: { credential } }, rotation) => ({
    material: rotation === 'kept' ? undefined : { credential, refreshToken: secret() },
    token: accessOf(Date.now() + hourMs)
  }),
  textOf: ({ refreshToken }) => refreshToken ?? '',
  endLease: async (id) => {
    await db.updateTable('oauth_credential').set({ lease_until: sql`now()` }).where('id', '=', id).execute()
  },
  signIn: async (id) => {
    await signInAs(await rowOf(id))
  },
  revoke: async (id) => {
    await credentials.revoke(await rowOf(id), event)
  },
  empty: async (id) => {
    const { access_token_hash: hash } = await rowOf(id)
    await credentials.dropToken(id, { hash: hash ?? '', ageSeconds: -1 })
  }
}

for (const [promise, isKept] of Object.entries(storePromises(fixture)))
  t.test(`in the database: ${promise}`, async (t) => {
    await t.resolves(isKept(), promise)
  })

t.test('an end is told to everybody, once', async (t) => {
  const id = await fixture.make()
  const lease = await store.take({ id, owner: newId(), generation: 1, attempt: 1 }, 60_000)
  if (!lease) throw new Error('it was free')
  announced.splice(0)
  await store.kill(lease, 'rejected')
  await store.kill(lease, 'rejected')
  t.same(announced, [provider_id])
})

t.test('what comes when it was taken back meanwhile is kept to be taken back, too', async (t) => {
  const id = await fixture.make()
  const lease = await store.take({ id, owner: newId(), generation: 1, attempt: 1 }, 60_000)
  if (!lease) throw new Error('it was free')
  await credentials.revoke(await rowOf(id), event)
  await db.deleteFrom('oauth_revocation').execute()
  const answer = { kind: 'answered' as const, ...fixture.answerTo(lease, 'rotated') }
  t.equal(await store.finish(lease, { resource }, answer), 'lost')
  await store.discard(lease, answer)
  const [late] = await db.selectFrom('oauth_revocation').selectAll().execute()
  if (!late?.refresh_token) throw new Error('it is not kept')
  const place = tokenPlace({ ...late, id: late.credential_id }, 'refresh_token')
  t.equal(await vault.open(late.refresh_token, place), answer.material?.refreshToken)
})
