import { randomBytes, randomUUID } from 'node:crypto'
import { type StoreFixture, storePromises } from '@onbehalf/lease/testing'
import { newId, openPostgres, openVault } from '@onbehalf/service-kit'
import { recordSecrets, startBackends } from '@onbehalf/testkit'
import { parseKeyRing } from '@onbehalf/vault'
import { sql } from 'kysely'
import t from 'tap'
import type { Database } from '../../src/database.ts'
import { createGrantKeeper } from '../../src/grants/keep.ts'
import type { Brought, Material, Want } from '../../src/grants/refresh/minted-token.ts'
import { refreshStore } from '../../src/grants/refresh/store.ts'
import { grantStore } from '../../src/grants/store.ts'

const backends = await startBackends(t)
const { DATABASE_URL = '' } = backends.environmentFor('identity-broker')
const { db, runPrepared, close } = await openPostgres<Database>(DATABASE_URL)
t.teardown(close)
const masterKey = randomBytes(32).toString('base64')
const vault = await openVault(db, parseKeyRing(`k1:${masterKey}`))
recordSecrets([masterKey])

const secret = (): string => {
  const made = randomBytes(24).toString('base64url')
  recordSecrets([made])
  return made
}

const tenant_id = newId()
await db.insertInto('tenant').values({ id: tenant_id, slug: 'acme', name: 'Acme' }).execute()
const connection = await db
  .insertInto('connection')
  .values({
    ...{ id: newId(), tenant_id, name: 'sso', issuer: 'https://idp.test', client_id: 'onbehalf', client_secret: null },
    ...{ client_authentication: 'none', scopes: 'openid', resource_support: 'many' }
  })
  .returningAll()
  .executeTakeFirstOrThrow()

const grants = grantStore(db)
const announced: string[] = []
const revoked: string[] = []
const recorded: string[] = []
const store = refreshStore({
  ...{ db, runPrepared, vault, grants },
  revoke: async (_material, refreshToken) => {
    revoked.push(refreshToken)
  },
  onDead: async (id) => {
    announced.push(id)
  },
  recorder: { recorded: (key) => void recorded.push(key) }
})
const keepGrant = createGrantKeeper(grants, vault, async () => {})
const audience = 'https://tools.test/mcp'
const wants: [Want, Want] = [
  { audience, mode: 'idp_token', scopes: '' },
  { audience, mode: 'idp_token', scopes: 'read' }
]

const signInAs = async (userId: string): Promise<string> => {
  const user = await db.selectFrom('user').selectAll().where('id', '=', userId).executeTakeFirstOrThrow()
  const tokenEndpoint = 'https://idp.test/token'
  const brought = { resources: [audience], refreshToken: secret(), tokenEndpoint, is_offline: true, idp_session: null }
  await keepGrant(connection, user, brought)
  const [grant] = await grants.listOf({ tenant_id, user_id: userId, connection_id: connection.id })
  return grant?.id ?? ''
}
const userOf = async (id: string) => (await grants.find(tenant_id, id))?.user_id ?? ''
const event = { tenant_id, actor: { kind: 'system' }, action: 'grant.changed', subject: { kind: 'grant' } } as const
const inAnHour = () => Math.floor(Date.now() / 1000) + 3600
const tokenOf = (generation: number) => ({
  ...{ token: secret(), token_hash: randomUUID(), jti: null, generation, expires_at: inAnHour() }
})

const fixture: StoreFixture<Material, Want, Brought> = {
  store,
  wants,
  make: async () => {
    const user = { id: newId(), tenant_id, connection_id: connection.id, subject: randomUUID() }
    await db
      .insertInto('user')
      .values({ ...user, email: null, is_email_verified: false, name: null })
      .execute()
    return signInAs(user.id)
  },
  answerTo: ({ material: { grant } }, rotation) => ({
    material: rotation === 'kept' ? undefined : { grant, refreshToken: secret() },
    token: { token: tokenOf(grant.generation + 1) }
  }),
  textOf: ({ refreshToken }) => refreshToken,
  endLease: async (id) => {
    await db.updateTable('grant').set({ lease_until: sql`now()` }).where('id', '=', id).execute()
  },
  signIn: async (id) => {
    await signInAs(await userOf(id))
  },
  revoke: async (id) => {
    await grants.revoke(tenant_id, id, event)
  },
  empty: async (id) => {
    await grants.emptyTokens(tenant_id, id, event)
  }
}

for (const [promise, isKept] of Object.entries(storePromises(fixture)))
  t.test(`in the database: ${promise}`, async (t) => {
    await t.resolves(isKept(), promise)
  })

const keptFor = async (id: string, want = wants[0]) => (await store.look(id, want))?.token
const taken = async (id: string) => {
  const { generation = 0, attempt = 0 } = (await store.look(id, wants[0])) ?? {}
  const lease = await store.take({ id, owner: newId(), generation, attempt: attempt + 1 }, 60_000)
  if (lease) return lease
  throw new Error('it was free')
}
const refuse = async (id: string) => {
  const refusal = { code: 'audience_not_supported', message: 'no', connection_revision: connection.revision } as const
  await store.finish(await taken(id), wants[0], { material: undefined, token: { refusal } })
  return { refusal }
}

t.test('of answers at the same moment one is a refusal: each is kept for its own grant', async (t) => {
  const refusal = { code: 'policy_denied', message: 'no', connection_revision: connection.revision } as const
  const leases = await Promise.all((await Promise.all([1, 2, 3].map(fixture.make))).map(taken))
  const answers = leases.map((lease, index) =>
    index === 1 ? { material: undefined, token: { refusal } } : fixture.answerTo(lease)
  )
  const stored = leases.map((lease, index) => {
    const answer = answers[index]
    return answer && store.finish(lease, wants[0], answer)
  })
  t.same(await Promise.all(stored), ['kept', 'kept', 'kept'])
  t.same(
    await Promise.all(leases.map(({ id }) => keptFor(id))),
    answers.map(({ token }) => token)
  )
})

t.test('a refusal is kept for its want, until a sign-in, an emptying or an edit of the connection', async (t) => {
  const id = await fixture.make()
  t.same(await refuse(id).then(() => keptFor(id)), await refuse(id))
  t.equal(await keptFor(id, wants[1]), undefined)
  for (const change of [fixture.signIn, fixture.empty]) {
    await change(id)
    t.equal(await keptFor(id), undefined)
    await refuse(id)
  }
  await db
    .updateTable('connection')
    .set({ revision: connection.revision + 1 })
    .execute()
  t.equal(await keptFor(id), undefined)
  await db.updateTable('connection').set({ revision: connection.revision }).execute()
})

t.test('a token near its end is not handed out, and one that was refused gives way to the next', async (t) => {
  const id = await fixture.make()
  await refuse(id)
  const token = tokenOf(3)
  await store.finish(await taken(id), wants[0], { material: undefined, token: { token } })
  t.same(await keptFor(id), { token })
  await db.updateTable('minted_token').set({ expires_at: sql`now() + interval '29 seconds'` }).execute()
  t.not((await keptFor(id))?.token?.token, token.token)
})

t.test(
  'a lease is not taken for a want whose token can still be used, whatever the clock of its taker says',
  async (t) => {
    const id = await fixture.make()
    const first = await taken(id)
    await store.finish(first, wants[0], fixture.answerTo(first))
    const claim = { id, owner: newId(), generation: 2, attempt: 1 }
    t.equal(await store.take(claim, 60_000, wants[0]), undefined)
    t.match(await store.look(id, wants[0]), { generation: 2, attempt: 0, leaseMs: 0 })
    await db.updateTable('minted_token').set({ expires_at: sql`now() + interval '29 seconds'` }).execute()
    t.match(await store.take(claim, 60_000, wants[0]), claim)
    const other = await fixture.make()
    const lease = await taken(other)
    await store.finish(lease, wants[0], fixture.answerTo(lease))
    t.match(await store.take({ ...claim, id: other }, 60_000, wants[1]), { id: other }, 'for another want it is')
  }
)

t.test('what was got in vain is revoked at the IdP only where nobody is left to use it', async (t) => {
  const [id, other] = [await fixture.make(), await fixture.make()]
  const [lease, otherLease] = [await taken(id), await taken(other)]
  const [answer, otherAnswer] = [fixture.answerTo(lease), fixture.answerTo(otherLease)]
  await fixture.signIn(id)
  await store.discard(lease, answer)
  await fixture.revoke(other)
  await store.discard(otherLease, otherAnswer)
  t.same(revoked, [otherAnswer.material?.refreshToken])
})

t.test('an end is told to everybody, once', async (t) => {
  const lease = await taken(await fixture.make())
  announced.splice(0)
  await store.kill(lease, 'rejected')
  await store.kill(lease, 'rejected')
  t.same(announced, [lease.id])
})

t.test('a refresh token that this replica cannot open is not presented, and the lease can be given back', async (t) => {
  const id = await fixture.make()
  const strange = refreshStore({
    ...{ db, runPrepared, grants, revoke: async () => {}, onDead: async () => {}, recorder: { recorded: () => {} } },
    vault: { ...vault, open: () => Promise.reject(new Error('no such key')) }
  })
  const { generation = 0 } = (await store.look(id, wants[0])) ?? {}
  const claim = { id, owner: newId(), generation, attempt: 1 }
  await t.rejects(strange.take(claim, 60_000), /no such key/)
  await strange.release(claim, { isCounted: false, backoffMs: 0 })
  t.match(await store.look(id, wants[0]), { attempt: 0, leaseMs: 0 })
})

t.test('of several at once each is its own: one that is held, and one that cannot be stored', async (t) => {
  const ids = await Promise.all(Array.from({ length: 6 }, fixture.make))
  const [heldId = '', wrongId = '', ...others] = ids
  const leases = await Promise.all(ids.map(taken))
  t.same(
    leases.map(({ id }) => id),
    ids
  )
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const { promise: locked, resolve: tell } = Promise.withResolvers<void>()
  const holder = db.transaction().execute(async (transaction) => {
    await transaction.selectFrom('grant').select('id').where('id', '=', heldId).forUpdate().execute()
    tell()
    await released
  })
  await locked
  const stored = leases.map((lease) => {
    const { material, token } = fixture.answerTo(lease)
    const given = token.token && { ...token.token, jti: lease.id === wrongId ? '\u0000' : null }
    return store.finish(lease, wants[0], { material, token: given ? { token: given } : token })
  })
  const [waiting, wrong, ...rest] = stored
  await t.rejects(
    Promise.all([wrong]).then(() => {}),
    /./
  )
  t.same(await Promise.all(rest), ['kept', 'kept', 'kept', 'kept'])
  t.match(
    await Promise.all(others.map((id) => store.look(id, wants[0]))),
    others.map(() => ({ generation: 2 }))
  )
  t.match(await store.look(heldId, wants[0]), { generation: 1, attempt: 1 })
  t.match(await store.look(wrongId, wants[0]), { generation: 1, attempt: 1 }, 'its lease stays')
  release()
  await holder
  t.equal(await waiting, 'kept')
  t.match(await store.look(heldId, wants[0]), { generation: 2, attempt: 0 })
})

t.test('its asker is on record as having been given a token, by the commit that stores it', async (t) => {
  const id = await fixture.make()
  const asker = { kind: 'app', id: newId() } as const
  const recordsOf = (grant_id: string) =>
    db.selectFrom('issuance').selectAll().where('grant_id', '=', grant_id).orderBy('id').execute()
  recorded.splice(0)
  const same = tokenOf(2)
  for (const { generation } of [{ generation: 2 }, { generation: 3 }])
    await store.finish(
      await taken(id),
      { ...wants[0], asker },
      { material: undefined, token: { token: { ...same, generation } } }
    )
  const user_id = await userOf(id)
  const row = {
    tenant_id,
    user_id,
    actor_kind: 'app',
    actor_id: asker.id,
    audience,
    mode: 'idp_token',
    outcome: 'issued'
  }
  t.match(await recordsOf(id), [{ ...row, generation: 2, times: 2, expires_at: new Date(same.expires_at * 1000) }])
  t.equal(recorded.length, 2)

  const other = await fixture.make()
  const lease = await taken(other)
  await fixture.empty(other)
  t.equal(await store.finish(lease, { ...wants[0], asker }, fixture.answerTo(lease)), 'emptied')
  const refusal = { code: 'policy_denied', message: 'no', connection_revision: 1 } as const
  await store.finish(await taken(other), { ...wants[0], asker }, { material: undefined, token: { refusal } })
  t.same(await recordsOf(other), [], 'nobody was given what was emptied, or refused')

  const again = await taken(other)
  const nobody = { kind: 'app', id: 'no uuid' } as const
  t.equal(await store.finish(again, { ...wants[0], asker: nobody }, fixture.answerTo(again)), 'kept')
  t.same(await recordsOf(other), [], 'a record that cannot be written costs no refresh token')
  t.equal(recorded.length, 2)
})

t.test('two askers of one token at the same moment are two records, and one asker of two grants is one', async (t) => {
  const ids = await Promise.all([fixture.make(), fixture.make(), fixture.make()])
  const [one, other] = [newId(), newId()]
  const token = tokenOf(2)
  const leases = await Promise.all(ids.map(taken))
  const stored = leases.map((lease, index) => {
    const asker = { kind: 'app', id: index === 0 ? one : other } as const
    return store.finish(lease, { ...wants[0], asker }, { material: undefined, token: { token } })
  })
  t.same(await Promise.all(stored), ['kept', 'kept', 'kept'])
  const rows = await db.selectFrom('issuance').select('actor_id').where('actor_id', 'in', [one, other]).execute()
  t.same(rows.map(({ actor_id }) => actor_id).sort(), [one, other].sort())
})

t.test('what a sign-in brought is not kept once its connection was changed', async (t) => {
  const id = await fixture.make()
  const [user, before] = [await userOf(id), await grants.find(tenant_id, id)]
  const changed = { revision: connection.revision + 1 }
  await db.updateTable('connection').set(changed).where('id', '=', connection.id).execute()
  await t.rejects(signInAs(user), { code: 'sign_in_failed', message: /changed meanwhile/ })
  t.same(await grants.find(tenant_id, id), before)
  await db.updateTable('connection').set({ revision: connection.revision }).where('id', '=', connection.id).execute()
})
