import { mask } from '@onbehalf/vault'
import t from 'tap'
import type { Setting } from './setting.ts'

/** What is given of a value, left out, cleared or written back masked. */
export const testValues = ({ noting, asOwner, secret, create, sentBy, storedCredentials }: Setting): void => {
  t.test('what is left out stays, with PUT as with PATCH', async (t) => {
    const key = secret()
    const { body, at } = await create({
      icon: '🧭',
      icon_type: 'emoji',
      icon_background: '#fff',
      headers: { 'X-Key': key },
      configuration: { timeout: 5, sse_read_timeout: 50 },
      authentication: { client_id: secret(), client_secret: secret() },
      forward_user_identity: false,
      identity_mode: 'idp_token'
    })
    for (const [method, name] of [
      ['PUT', 'One'],
      ['PATCH', 'Two']
    ] as const) {
      const answer = await asOwner(method, at, { name })
      t.equal(answer.status, 200)
      const { revision, updated_at } = answer.body
      t.same(answer.body, { ...body, name, revision, updated_at })
    }
    const { body: last } = await asOwner('GET', at)
    t.equal(last.revision, 3)
    t.ok(last.updated_at > last.created_at)
    t.equal((await sentBy(at))['x-key'], key)
    const part = await asOwner('PATCH', at, { configuration: { timeout: 6 } })
    t.same(part.body.configuration, { timeout: 6, sse_read_timeout: 50 })
  })

  t.test('null clears', async (t) => {
    const { at } = await create({
      icon: 'x',
      icon_type: 'emoji',
      icon_background: '#fff',
      headers: { 'X-Key': 'abc' },
      configuration: { timeout: 5 },
      authentication: { client_id: 'client', client_secret: secret() }
    })
    const publicClient = await asOwner('PATCH', at, { authentication: { client_secret: null } })
    t.same(publicClient.body.authentication, { client_id: '******', client_secret: null })
    const nothing = { icon: null, icon_type: null, icon_background: null }
    const cleared = await asOwner('PATCH', at, { ...nothing, headers: null, configuration: null, authentication: null })
    t.match(cleared.body, {
      ...nothing,
      masked_headers: {},
      configuration: { timeout: 30, sse_read_timeout: 300 },
      authentication: null
    })
    t.notOk('x-key' in (await sentBy(at)))
    const without = await asOwner('PATCH', at, { authentication: { client_secret: 'x' } })
    t.match(without, { status: 400, body: { details: [{ path: 'authentication.client_id', message: 'is missing' }] } })
  })

  t.test('a masked value written back keeps what is stored, another one replaces it', async (t) => {
    const [key, id, password, query] = [secret(), secret(), secret(), secret()]
    const { body, at } = await create({
      server_url: `${noting.url}?key=${query}&b=1`,
      headers: { 'X-Key': key, 'X-Gone': 'gone' },
      authentication: { client_id: id, client_secret: password }
    })
    t.same(body.masked_headers, { 'X-Key': mask(key), 'X-Gone': '****' })
    t.same(body.authentication, { client_id: mask(id), client_secret: mask(password) })
    t.equal(body.server_url, `${noting.url}?key=${mask(query)}&b=*`)

    const back = { headers: body.masked_headers, authentication: body.authentication, server_url: body.server_url }
    const same = await asOwner('PUT', at, back)
    t.same(same.body, body, 'nothing was changed, so not even the revision')
    const { 'X-Gone': _, ...masked } = body.masked_headers
    const changed = await asOwner('PUT', at, {
      server_url: body.server_url,
      headers: { ...masked, 'X-New': 'new', 'x-other': mask(key) },
      authentication: { ...body.authentication, client_id: 'another one' }
    })
    t.match(changed.body, { revision: 2, authentication: { client_id: 'an*******ne', client_secret: mask(password) } })
    const sent = await sentBy(at)
    t.match(sent, { 'x-key': key, 'x-new': 'new', 'x-other': mask(key) }, 'a mask under another name is just a text')
    t.notOk('x-gone' in sent)
    t.same(await storedCredentials(body.id), { client_id: 'another one', client_secret: password })
  })

  t.test('forwarding with the mode off in effect is refused, whichever of the two was given', async (t) => {
    const { at } = await create()
    const fields = ['forward_user_identity', 'identity_mode']
    const on = await asOwner('PATCH', at, { forward_user_identity: true })
    t.equal(on.status, 400)
    t.same(
      on.body.details.map(({ path }) => path),
      fields
    )
    const both = await asOwner('PATCH', at, { forward_user_identity: true, identity_mode: 'idp_token' })
    t.match(both, { status: 200, body: { forward_user_identity: true, identity_mode: 'idp_token', revision: 2 } })
    const off = await asOwner('PUT', at, { identity_mode: 'off' })
    t.equal(off.status, 400)
    t.same(
      off.body.details.map(({ path }) => path),
      fields
    )
    const renamed = await asOwner('PUT', at, { name: `Renamed ${at}`.slice(0, 40) })
    t.match(renamed, { status: 200, body: { forward_user_identity: true, identity_mode: 'idp_token' } })
    const stopped = await asOwner('PUT', at, { forward_user_identity: false })
    t.match(stopped, { status: 200, body: { forward_user_identity: false, identity_mode: 'idp_token' } })
  })

  t.test('a wrong value changes nothing', async (t) => {
    const { body, at } = await create()
    const wrong = [
      { name: '' },
      { server_url: 'x' },
      { headers: { 'a b': 'x' } },
      { configuration: { timeout: 0 } },
      { id: 'x' }
    ]
    for (const change of wrong) t.equal((await asOwner('PATCH', at, { icon: 'new', ...change })).status, 400)
    t.same((await asOwner('GET', at)).body, body)
  })
}
