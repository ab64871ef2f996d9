import { createHash } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import t, { type Test } from 'tap'
import { createBrowser } from '../../src/http/index.ts'
import { startAuthorizationServer, startIdp } from '../../src/idp/index.ts'
import { alice, askTokens, bob, client, refresh, signInForTokens } from './relying-party.ts'

const audience = 'http://127.0.0.1:9/mcp'
const there = { client_id: 'onbehalf-there', client_secret: createHash('sha256').update('there').digest('hex') }
const type = (name: string) => `urn:ietf:params:oauth:token-type:${name}`

const start = async (test: Test) => {
  const idp = await startIdp({ clients: [client], users: [alice, bob] })
  test.teardown(idp.stop)
  const browser = createBrowser()
  test.teardown(browser.close)
  const signedIn = await signInForTokens(idp, browser, { resources: [], login: 'alice', password: 'wonder' })
  const exchange = (form: Record<string, string>) =>
    askTokens(idp, { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', ...form })
  return { idp, signedIn, exchange }
}

t.test('an access token of a user is exchanged for one for a server, also after a refresh', async (t) => {
  const { idp, signedIn, exchange } = await start(t)
  const { access_token: next } = await refresh(idp, signedIn.refresh_token)
  for (const subject_token of [signedIn.access_token, next]) {
    const given = await exchange({
      subject_token,
      subject_token_type: type('access_token'),
      audience,
      resource: audience
    })
    t.equal(given.status, 200)
    t.match(decodeJwt(given.access_token), { sub: 'alice', aud: audience, iss: idp.issuer })
    t.notMatch(JSON.stringify(idp.log()), given.access_token)
  }
  const foreign = await exchange({ subject_token: 'x', subject_token_type: type('access_token'), resource: audience })
  t.match([foreign.status, foreign.error], [400, 'invalid_request'])
})

t.test('an ID-JAG is for the authorization server it names, works there once, and gives a token', async (t) => {
  const { idp, signedIn, exchange } = await start(t)
  const server = await startAuthorizationServer({ idp: idp.issuer, client: there })
  t.teardown(server.stop)
  const ask = {
    ...{ subject_token: signedIn.id_token, subject_token_type: type('id_token'), resource: audience },
    ...{ requested_token_type: type('id-jag'), audience: server.issuer }
  }
  t.equal((await exchange(ask)).error, 'invalid_target', 'the IdP was not told of it yet')
  idp.controls.trustAuthorizationServer(server.issuer, there.client_id)
  const { access_token: assertion } = await exchange(ask)
  t.equal(decodeProtectedHeader(assertion).typ, 'oauth-id-jag+jwt')
  t.match(decodeJwt(assertion), { aud: server.issuer, client_id: there.client_id, resource: audience, sub: 'alice' })

  const redeem = async (jwt: string) => {
    const grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
    const response = await fetch(`${server.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${there.client_id}:${there.client_secret}`)}` },
      body: new URLSearchParams({ grant_type, assertion: jwt })
    })
    const body: { access_token?: string; error?: string } = JSON.parse(await response.text())
    return { status: response.status, ...body }
  }
  const given = await redeem(assertion)
  t.match(decodeJwt(given.access_token ?? ''), { iss: server.issuer, aud: audience, sub: 'alice' })
  t.match(await redeem(assertion), { status: 400, error: 'invalid_grant' }, 'a second time it does not work')
  idp.controls.disturbExchanges(() => ({ claims: { aud: 'https://elsewhere.example' } }))
  t.match(await redeem((await exchange(ask)).access_token), { error: 'invalid_grant' }, 'nor one for another server')
  idp.controls.disturbExchanges(() => ({ claims: { client_id: 'another' } }))
  t.match(await redeem((await exchange(ask)).access_token), { error: 'invalid_grant' }, 'nor one for another client')
  idp.controls.disturbExchanges(() => ({ typ: 'at+jwt' }))
  t.match(await redeem((await exchange(ask)).access_token), { error: 'invalid_grant' }, 'nor what is no ID-JAG')
  t.match(await redeem(signedIn.id_token), { error: 'invalid_grant' })
})
