import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { resolveApiKey } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { call } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import {
  type Browser,
  freePort,
  listen,
  type Page,
  recordSecrets,
  stopServer,
  type TestContext
} from '@onbehalf/testkit'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { Client } from 'pg'
import { apiOf } from '../api.ts'
import { logins, type SignedIn, signInAs, startBroker } from '../start.ts'

/** identity-broker, and an app that signs links for its users and redeems what comes back. */
export const startLinks = async (t: TestContext) => {
  const broker = await startBroker(t, {
    users: [{ sub: 'unsure', name: 'unsure', email: 'unsure@acme.test', email_verified: false }]
  })
  const { bus, publicUrl } = broker
  const send = apiOf(broker)
  const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
  await database.connect()
  t.teardown(() => database.end())
  const owner = await signInAs(broker, logins.owner)
  const user = await signInAs(broker, logins.user)
  const second = await signInAs(broker, logins.second)
  const stranger = await signInAs(broker, logins.owner, 'globex')

  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const edwards = await generateKeyPair('Ed25519', { extractable: true })
  const foreignPair = await generateKeyPair('ES256')
  const linkKeys = [
    { kid: 'k1', ...(await exportJWK(publicKey)) },
    { kid: 'k2', ...(await exportJWK(edwards.publicKey)) }
  ]
  const appPort = await freePort()
  const returnUrl = `http://127.0.0.1:${appPort}/back?from=onbehalf`
  const made = await send(owner, 'POST', '/v1/apps', {
    name: 'Notes',
    return_urls: [returnUrl],
    link_keys: linkKeys.map(({ kid, kty, crv, x, y }) => ({ kid, kty, crv, x, ...(y ? { y } : {}) }))
  })
  const app: { id: string } = made.body
  const keyOf = async (appId: string, act_for: string): Promise<string> => {
    const { body } = await send(owner, 'POST', `/v1/apps/${appId}/keys`, { act_for })
    recordSecrets([body.key])
    return body.key
  }
  const key = await keyOf(app.id, 'linked')

  const redeemBy = async (apiKey: string, body: object) => {
    const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
    const answer = await fetch(`${publicUrl}/v1/links/redeem`, { method: 'POST', headers, body: JSON.stringify(body) })
    return { status: answer.status, body: await answer.json() }
  }
  /** The app: it knows its users by a cookie of its own, and redeems what comes back for whoever is signed in there. */
  const codes: string[] = []
  const site = createServer(async (request, response) => {
    const code = new URL(request.url ?? '', returnUrl).searchParams.get('code') ?? ''
    const [, external_id = ''] = /app_user=([^;]+)/.exec(request.headers.cookie ?? '') ?? []
    recordSecrets([code])
    codes.push(code)
    const { status, body } = await redeemBy(key, { code, external_id })
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await listen(site, appPort)
  t.teardown(() => stopServer(site))

  const signedIn = (browser: Browser, external_id: string) =>
    browser.cookies.store(new URL(returnUrl), [`app_user=${external_id}; Path=/back`])
  const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds
  type Signing = { alg: string; kid: string; typ: string; signer: typeof privateKey }
  type Claims = Record<string, string | number | undefined>
  const usualHeader = { alg: 'ES256', kid: 'k1', typ: 'onbehalf-link+jwt' }
  const linkOf = async (claims: Claims, { signer = privateKey, ...header }: Partial<Signing> = {}): Promise<string> => {
    const usual = { iss: app.id, aud: publicUrl, exp: inSeconds(300), jti: randomUUID() }
    const all = Object.entries({ ...usual, ...claims }).filter(([, value]) => value !== undefined)
    const link = await new SignJWT(Object.fromEntries(all))
      .setProtectedHeader({ ...usualHeader, ...header })
      .sign(signer)
    return `${publicUrl}/connect?link=${link}`
  }
  const allow = (browser: Browser, page: Page) => browser.submit(page, undefined, { button: { label: 'Allow' } })
  const within = () => ({ deadlineAt: Date.now() + 20_000 })
  const resolve = (user_id: string, apiKey = key) =>
    call(bus, resolveApiKey, { key_hash: hashOf(apiKey), user_id }, within())
  const refusalOf = async (asking: Promise<unknown>): Promise<ReportedError> => {
    const error: unknown = await asking.catch((thrown: unknown) => thrown)
    if (error instanceof ReportedError) return error
    throw new Error('it was not refused')
  }
  const linksOf = async (who: SignedIn, query = '') => (await send(who, 'GET', `/v1/links${query}`)).body.data
  return {
    ...{ broker, send, database, owner, user, second, stranger, edwards, foreignPair, returnUrl, app, key, codes },
    ...{ keyOf, redeemBy, signedIn, inSeconds, linkOf, allow, resolve, refusalOf, linksOf }
  }
}
