import { randomUUID } from 'node:crypto'
import { startDns, untilLocked } from '@onbehalf/testkit'
import { Client } from 'pg'
import t from 'tap'
import { manageDomains } from '../../src/domains/manage.ts'
import { apiOf } from '../api.ts'
import { bootstrapFile, logins, signInAs, startBroker } from '../start.ts'

const person = (sub: string, domain: string, email_verified = true) => ({
  ...{ sub, name: sub, email: `${sub}@${domain}`, email_verified }
})
const dns = await startDns()
t.teardown(dns.stop)
const broker = await startBroker(t, {
  environment: { DNS_SERVERS: dns.address },
  users: [
    person('early', 'Proved.example'),
    person('pat', 'Proved.example'),
    person('pia', 'proved.example'),
    person('paul', 'proved.example', false),
    person('sub', 'mail.proved.example'),
    person('peter', 'pending.example'),
    person('wendy', 'word.example'),
    person('bert', 'booted.example')
  ]
})
const connect = async () => {
  const client = new Client({ connectionString: broker.backends.adminDatabaseUrl })
  await client.connect()
  return client
}
const database = await connect()
t.teardown(() => database.end())
const send = apiOf(broker)
const owner = await signInAs(broker, logins.owner)
const member = await signInAs(broker, logins.user)
const stranger = await signInAs(broker, logins.owner, 'globex')
const url = '/v1/domains'
const roleAfterSignIn = async (login: string): Promise<string | null> => {
  const { browser } = await signInAs(broker, login)
  return JSON.parse((await browser.visit(`${broker.publicUrl}/auth/me`)).body).role
}
const claim = async (domain: string, who = owner) => (await send(who, 'POST', url, { domain })).body
const verify = (id: string, who = owner) => send(who, 'POST', `${url}/${id}/verify`)

await t.test('a domain is claimed, proved by a record in DNS, and lets its people in as members', async (t) => {
  t.equal(await roleAfterSignIn('early'), null, 'before the claim')
  const claimed = await send(owner, 'POST', url, { domain: 'Proved.Example' })
  const { id, record } = claimed.body
  t.match(claimed, { status: 201, body: { domain: 'proved.example', verified_at: null } })
  t.match(record, { type: 'TXT', name: '_onbehalf.proved.example', value: /^onbehalf-domain-verification=\S{32}$/ })
  const refused = (message: string) => ({ status: 409, body: { details: [{ path: 'record', message }] } })
  t.match(await verify(id), refused('was not found'))
  dns.set(record.name, ['v=spf1 -all'])
  t.match(await verify(id), refused('has another value'))
  t.equal(await roleAfterSignIn('pia'), null, 'a claim alone makes nobody a member')
  dns.set(record.name, ['v=spf1 -all', record.value])
  t.match(await verify(id), { status: 200, body: { verified_by: 'dns', verified_at: /T/, checked_at: /T/ } })
  t.equal(await roleAfterSignIn('pat'), 'member')
  const { body } = await send(owner, 'GET', `/v1/audit/identity?subject_id=${id}`)
  t.match(body.data, [{ action: 'domain.verified', details: { by: 'dns' } }, { action: 'domain.claimed' }])
  const joined = await send(owner, 'GET', '/v1/audit/identity?action=member.joined')
  t.match(joined.body.data, [{ details: { by: 'domain', role: 'member' } }])
})

await t.test('only a verified e-mail of that very domain counts, and only at the first sign-in', async (t) => {
  t.equal(await roleAfterSignIn('paul'), null, 'the IdP does not say that it is verified')
  t.equal(await roleAfterSignIn('sub'), null, 'a subdomain is another domain')
  t.equal(await roleAfterSignIn('early'), null, 'somebody who was here before takes an invitation')
  const [pat] = (await send(owner, 'GET', '/v1/members?search=pat')).body.data
  t.equal((await send(owner, 'DELETE', `/v1/members/${pat.user_id}`)).status, 204)
  t.equal(await roleAfterSignIn('pat'), null, 'who was removed does not come back by signing in')
})

await t.test('a proof that is looked for again and is gone counts no more; silence changes nothing', async (t) => {
  const [{ id, record }] = (await send(owner, 'GET', url)).body.data
  for (const trouble of ['failure', 'silence'] as const) {
    dns.set(record.name, trouble)
    t.match(await verify(id), { status: 503, body: { code: 'unavailable', message: /do not answer/ } }, trouble)
    t.match((await send(owner, 'GET', `${url}/${id}`)).body, { verified_by: 'dns' }, trouble)
  }
  dns.set(record.name, [])
  t.equal((await verify(id)).status, 409)
  t.match((await send(owner, 'GET', `${url}/${id}`)).body, { verified_at: null, verified_by: null })
  const { body } = await send(owner, 'GET', `/v1/audit/identity?subject_id=${id}&limit=1`)
  t.match(body.data, [{ action: 'domain.unverified' }])
  dns.set(record.name, [record.value])
  t.equal((await verify(id)).status, 200)
})

await t.test('a domain belongs to one tenant; nobody is told to which', async (t) => {
  const taken = { status: 409, body: { code: 'conflict', details: [{ path: 'domain' }] } }
  const refused = await send(stranger, 'POST', url, { domain: 'proved.example' })
  t.match(refused, taken)
  t.notMatch(JSON.stringify(refused.body), /acme/i)
  t.match(await send(owner, 'POST', url, { domain: 'PROVED.example.' }), { status: 400 })
  t.match(await send(owner, 'POST', url, { domain: 'PROVED.example' }), taken, 'nor is it claimed twice')
})

await t.test('of two tenants who prove a domain at once, one has it', async (t) => {
  const ours = await claim('raced.example')
  const theirs = await claim('raced.example', stranger)
  t.not(ours.record.value, theirs.record.value)
  dns.set(ours.record.name, [ours.record.value, theirs.record.value])
  const holder = await connect()
  await holder.query('begin')
  await holder.query("select from identity_broker.domain where name = 'raced.example' for update")
  const both = Promise.all([verify(ours.id), verify(theirs.id, stranger)])
  await untilLocked(database, 2)
  await holder.query('commit')
  await holder.end()
  t.same((await both).map(({ status }) => status).sort(), [200, 409])
})

await t.test('the administrator of the instance has a word: a command, and the bootstrap file', async (t) => {
  const manage = async (...args: string[]) => JSON.parse(await manageDomains(broker.config, { args }))
  t.match(await manage('approve', 'acme', 'Word.example'), { approved: 'word.example', tenant: 'acme' })
  t.match(await manage('approve', 'acme', 'word.example'), { approved: 'word.example' }, 'again changes nothing')
  t.equal(await roleAfterSignIn('wendy'), 'member')
  const { body } = await send(owner, 'GET', '/v1/audit/identity?action=domain.verified&limit=1')
  t.match(body.data, [{ actor: { kind: 'system', id: null }, details: { domain: 'word.example', by: 'instance' } }])
  await t.rejects(manage('approve', 'globex', 'word.example'), { code: 'conflict' })
  const [{ id }] = (await send(owner, 'GET', url)).body.data
  t.equal((await verify(id)).status, 409)
  t.match(
    (await send(owner, 'GET', `${url}/${id}`)).body,
    { verified_by: 'instance' },
    'the word stands without a record'
  )
  t.match(await manage('release', 'word.example'), { released: 'word.example' })
  await t.rejects(manage('release', 'word.example'), { code: 'not_found' })
  t.match(await manage('approve', 'globex', 'word.example'), { tenant: 'globex' })
  await t.rejects(manage('approve', 'nobody', 'word.example'), { code: 'not_found' })
  await t.rejects(manage('approve', 'acme', 'gmail.com'), { code: 'invalid_request' })
  await t.rejects(manage('approve', 'acme'), /use one of/)
  await t.rejects(manage('toString'), /use one of/)

  const file = bootstrapFile(broker.idp.issuer)
  const [acme, ...others] = file.tenants
  const withDomain = { ...file, tenants: [{ ...acme, domains: ['booted.example'] }, ...others] }
  await broker.bootstrap(withDomain)
  await broker.bootstrap(withDomain)
  t.equal(await roleAfterSignIn('bert'), 'member')
})

await t.test('members may not, other tenants find nothing, and what is no domain is refused by name', async (t) => {
  const { id } = await claim('own.example')
  const routes = [
    ['POST', url, { domain: 'x.example' }],
    ['GET', url],
    ['GET', `${url}/${id}`],
    ['POST', `${url}/${id}/verify`],
    ['DELETE', `${url}/${id}`]
  ] as const
  for (const [method, path, body] of routes) {
    t.equal((await send(member, method, path, body)).status, 403, `${method} ${path}`)
    if (path === url) continue
    t.equal((await send(stranger, method, path)).status, 404, `${method} ${path} of another tenant`)
    t.equal((await send(owner, method, path.replace(id, randomUUID()))).status, 404)
  }
  const wrong = [
    'localhost',
    '10.0.0.1',
    'a..example',
    '-a.example',
    'a b.example',
    'x@y.example',
    'gmail.com',
    'GMX.de',
    ''
  ]
  for (const domain of wrong)
    t.match(
      await send(owner, 'POST', url, { domain }),
      { status: 400, body: { details: [{ path: 'domain' }] } },
      domain
    )
  t.match(await claim('Bücher.example'), { domain: 'xn--bcher-kva.example' })
  t.equal((await send(owner, 'DELETE', `${url}/${id}`)).status, 204)
  t.equal((await send(owner, 'DELETE', `${url}/${id}`)).status, 404)
  const { body } = await send(owner, 'GET', `/v1/audit/identity?subject_id=${id}&limit=1`)
  t.match(body.data, [{ action: 'domain.deleted', details: { domain: 'own.example' } }])
})
