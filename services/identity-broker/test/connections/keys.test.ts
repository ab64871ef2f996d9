import { createEgress } from '@onbehalf/egress'
import t from 'tap'
import { createIdpKeys } from '../../src/connections/keys.ts'
import { createVerifyJwt } from '../../src/connections/verify-jwt.ts'
import { playIdp } from '../played-idp.ts'

const idp = await playIdp(t)
const egress = createEgress({ allow: `127.0.0.1:${idp.port}` })
t.teardown(() => egress.close())
const by = { issuer: idp.issuer, clientId: 'onbehalf', jwksUri: `${idp.issuer}/jwks` }
const fetches = () => idp.seenAt('/jwks').length

/** A replica that has fetched nothing yet, and its clock. */
const fresh = () => {
  const clock = { ms: 1_000_000 }
  return { clock, verify: createVerifyJwt(createIdpKeys(egress, { now: () => clock.ms })) }
}
const unknown = () => Promise.all(Array.from({ length: 20 }, (_, index) => idp.sign({}, { kid: `made-up-${index}` })))

t.test('20 tokens with unknown key ids are one fetch, and 30 s later one more', async (t) => {
  const { verify, clock } = fresh()
  const before = fetches()
  for (const token of await unknown()) await t.rejects(verify(token, by), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
  t.equal(fetches() - before, 1)
  clock.ms += 29_999
  await Promise.allSettled((await unknown()).map((token) => verify(token, by)))
  t.equal(fetches() - before, 1)
  clock.ms += 1
  await Promise.allSettled((await unknown()).map((token) => verify(token, by)))
  t.equal(fetches() - before, 2, 'all at once are one fetch as well')
  t.match(await verify(await idp.sign({}), by), { sub: 'ann' }, 'and a known key goes on working')
})

t.test('keys that cannot be had are not asked for again and again either', async (t) => {
  const { verify, clock } = fresh()
  const before = fetches()
  for (const body of [
    'not json',
    { keys: 'none' },
    `{"keys":[${'['.repeat(50)}${']'.repeat(50)}]}`,
    ' '.repeat(300_000)
  ]) {
    idp.answers.set('/jwks', { body })
    clock.ms += 30_000
    for (let count = 0; count < 5; count += 1)
      await t.rejects(verify(await idp.sign({}), by), { code: 'identity_provider_unavailable' })
  }
  t.equal(fetches() - before, 4)
  idp.answers.delete('/jwks')
  clock.ms += 30_000
  t.match(await verify(await idp.sign({}), by), { sub: 'ann' })
})

t.test('keys that are kept go on while they are not old, also when their address fails meanwhile', async (t) => {
  const { verify, clock } = fresh()
  const token = await idp.sign({})
  t.match(await verify(token, by), { sub: 'ann' })
  const before = fetches()
  idp.answers.set('/jwks', { status: 500, body: 'away' })
  t.teardown(() => idp.answers.delete('/jwks'))
  clock.ms += 30_000
  const [madeUp = ''] = await unknown()
  await t.rejects(
    verify(madeUp, by),
    { code: 'identity_provider_unavailable' },
    'nobody can say whether it is a new one'
  )
  t.match(await verify(token, by), { sub: 'ann' })
  await t.rejects(verify(madeUp, by), { code: 'identity_provider_unavailable' })
  t.equal(fetches() - before, 1)
  clock.ms += 570_000 - 1
  t.match(await verify(token, by), { sub: 'ann' })
  clock.ms += 1
  await t.rejects(verify(token, by), { code: 'identity_provider_unavailable' }, 'and no longer than others')
  idp.answers.delete('/jwks')
  clock.ms += 30_000
  t.match(await verify(token, by), { sub: 'ann' })
})

t.test('a key that was taken back stops working when what is kept is old', async (t) => {
  const { verify, clock } = fresh()
  const token = await idp.sign({})
  t.match(await verify(token, by), { sub: 'ann' })
  idp.answers.set('/jwks', { body: { keys: [] } })
  t.teardown(() => idp.answers.delete('/jwks'))
  t.match(await verify(token, by), { sub: 'ann' })
  clock.ms += 600_000
  await t.rejects(verify(token, by), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
})

t.test('only a small token of this issuer, for us, by one of its keys and not ended is believed', async (t) => {
  const { verify } = fresh()
  const good = await idp.sign({})
  const [header = '', payload = '', signature = ''] = good.split('.')
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const nested = `{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`
  const cases: Record<string, string> = {
    'another issuer': await idp.sign({ iss: 'https://evil.example' }),
    'an issuer with a slash more': await idp.sign({ iss: `${idp.issuer}/` }),
    'another audience': await idp.sign({ aud: 'another' }),
    'ended a minute ago': await idp.sign({ exp: Math.floor(Date.now() / 1000) - 60 }),
    'no algorithm': `${encode({ alg: 'none' })}.${payload}.`,
    'a secret for a key': `${encode({ alg: 'HS256', kid: 'played' })}.${payload}.${signature}`,
    'another payload': `${header}.${encode({ sub: 'olivia' })}.${signature}`,
    'nested without end': `${header}.${Buffer.from(nested).toString('base64url')}.${signature}`,
    huge: await idp.sign({ padding: 'x'.repeat(100_000) }),
    'no token': 'x'
  }
  t.match(await verify(good, by), { sub: 'ann' })
  for (const [name, token] of Object.entries(cases)) await t.rejects(verify(token, by), name)
  await t.rejects(verify(cases['nested without end'] ?? '', by), /nested/)
  await t.rejects(verify(cases.huge ?? '', by), /longer/)
})
