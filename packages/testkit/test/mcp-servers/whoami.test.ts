import { decodeJwt, generateKeyPair, SignJWT } from 'jose'
import t from 'tap'
import { createBrowser } from '../../src/http/index.ts'
import { startIdp } from '../../src/idp/index.ts'
import { startWhoami, type Whoami } from '../../src/mcp-servers/index.ts'
import { alice, client, refresh, signInForTokens } from '../idp/relying-party.ts'

const versions = ['2026-07-28', '2025-11-25'] as const

const ask = async (whoami: Whoami, version: string, method: string, params: object, token?: string) => {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': version,
    'io.modelcontextprotocol/clientCapabilities': {}
  }
  const isModern = version === versions[0]
  const response = await fetch(whoami.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': version,
      ...(isModern && { 'mcp-method': method }),
      ...(isModern && 'name' in params && { 'mcp-name': String(params.name) }),
      ...(token && { authorization: `Bearer ${token}` })
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, ...(isModern && { _meta: meta }) } })
  })
  const text = await response.text()
  const data = /^data: (.*)$/m.exec(text)?.[1] ?? text
  return { status: response.status, challenge: response.headers.get('www-authenticate'), body: JSON.parse(data) }
}

t.test('it lists to anyone, and tells a caller with a token for it who he is, in both eras', async (t) => {
  const idp = await startIdp({ clients: [client], users: [alice] })
  t.teardown(idp.stop)
  const whoami = await startWhoami({ issuer: idp.issuer })
  t.teardown(whoami.stop)
  const browser = createBrowser()
  t.teardown(browser.close)
  const resources = [whoami.url, 'http://other.example/mcp']
  const tokens = await signInForTokens(idp, browser, { resources, login: 'alice', password: 'wonder' })
  const forOther = await refresh(idp, tokens.refresh_token, resources[1])
  const { access_token } = await refresh(idp, forOther.refresh_token, whoami.url)
  const caller = { subject: 'alice', email: alice.email, audience: whoami.url, issuer: idp.issuer }

  for (const version of versions) {
    const before = whoami.log().length
    const listed = await ask(whoami, version, 'tools/list', {})
    t.match(listed.body.result.tools, [{ name: 'whoami' }, { name: 'echo' }])
    t.equal(whoami.log().length, before, 'a listing is no call')
    const called = await ask(whoami, version, 'tools/call', { name: 'whoami', arguments: {} }, access_token)
    t.same(called.body.result.structuredContent, caller)
    t.same(JSON.parse(called.body.result.content[0].text), caller)
    const echoed = await ask(
      whoami,
      version,
      'tools/call',
      { name: 'echo', arguments: { message: 'hi' } },
      access_token
    )
    t.match(echoed.body.result.content, [{ type: 'text', text: 'hi' }])
    const first = whoami.log()[before]
    t.match(first, { tool: 'whoami', who: { subject: 'alice' } })

    const anonymous = await ask(whoami, version, 'tools/call', { name: 'whoami', arguments: {} })
    t.match(anonymous, { status: 401, challenge: 'Bearer' })
    const { privateKey } = await generateKeyPair('ES256')
    const claims = decodeJwt(access_token)
    const forge = (typ: string) => new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ }).sign(privateKey)
    for (const token of [forOther.access_token, tokens.id_token, await forge('at+jwt'), 'nonsense']) {
      const refused = await ask(whoami, version, 'tools/call', { name: 'whoami', arguments: {} }, token)
      t.match(refused, { status: 401, challenge: /error="invalid_token"/ })
    }
    t.match(whoami.log().slice(before + 2, before + 4), [{ who: 'anonymous' }, { who: 'rejected' }])
    t.same(await (await fetch(new URL('/_log', whoami.url))).json(), whoami.log())
  }
})

t.test('an expired token and one of another issuer are refused', async (t) => {
  const idp = await startIdp({ clients: [client], users: [alice], accessTokenSeconds: 300 })
  t.teardown(idp.stop)
  let aheadMs = 0
  const whoami = await startWhoami({ issuer: idp.issuer, now: () => new Date(Date.now() + aheadMs) })
  const stranger = await startWhoami({ issuer: 'http://127.0.0.1:1' })
  t.teardown(() => Promise.all([whoami.stop(), stranger.stop()]))
  const browser = createBrowser()
  t.teardown(browser.close)
  const resources = [whoami.url, stranger.url]
  const tokens = await signInForTokens(idp, browser, { resources, login: 'alice', password: 'wonder' })
  const { access_token, refresh_token } = await refresh(idp, tokens.refresh_token, whoami.url)
  const call = (server: Whoami, token: string) =>
    ask(server, versions[0], 'tools/call', { name: 'whoami', arguments: {} }, token)
  t.equal((await call(whoami, access_token)).status, 200)
  t.equal((await call(stranger, (await refresh(idp, refresh_token, stranger.url)).access_token)).status, 401)
  aheadMs = 301_000
  t.equal((await call(whoami, access_token)).status, 401)
})
