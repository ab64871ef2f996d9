import { type Browser, createBrowser, freePort, type TestContext } from '@onbehalf/testkit'
import {
  type AuthnRequest,
  assertionOf,
  makeCertificate,
  readRequest,
  responseOf,
  type Saying,
  sign,
  usual
} from '@onbehalf/testkit/saml'
import { Client } from 'pg'
import { apiOf } from '../api.ts'
import { logins, signInAs, startBroker } from '../start.ts'

export const url = '/v1/connections'
export const entityId = 'https://idp.example/saml'
export const evil = 'https://evil.example'
export const encode = (xml: string) => Buffer.from(xml).toString('base64')

type Begun = { browser: Browser; location: string; request: AuthnRequest }

/** identity-broker, and IdPs that the test plays: what they are asked, and whatever they answer. */
export const startSaml = async (t: TestContext, allow: number[] = []) => {
  const port = await freePort()
  const broker = await startBroker(t, { allow: [port, ...allow] })
  const { publicUrl } = broker
  const send = apiOf(broker)
  const owner = await signInAs(broker, logins.owner)
  const database = new Client({ connectionString: broker.backends.adminDatabaseUrl })
  await database.connect()
  t.teardown(() => database.end())

  const entry_point = `http://127.0.0.1:${port}/sso?tenant=1`
  const idp = await makeCertificate()
  const next = await makeCertificate()
  const stranger = await makeCertificate()
  let made = 0
  const given = (saml: object = {}) => {
    made += 1
    const usualOnes = { idp_entity_id: entityId, entry_point, certificates: [idp.cert], name_attribute: 'name' }
    return { name: `saml-${made}`, kind: 'saml', saml: { ...usualOnes, ...saml } }
  }
  const connect = async (saml: object = {}) => {
    const { status, body } = await send(owner, 'POST', url, given(saml))
    if (status !== 201) throw new Error(JSON.stringify(body))
    return body
  }
  const stored = async () => {
    const counts = ['"user"', 'session', '"grant"', 'member', 'connection'].map(
      (table) => `(select count(*) from identity_broker.${table})`
    )
    return (await database.query(`select ${counts.join(' || $1 || ')} as counts`, [' '])).rows[0].counts
  }

  const startOf = (name: string) => `${publicUrl}/auth/sign-in?tenant=acme&connection=${name}&return_to=/auth/me`
  /** As far as the IdP: what it is asked, and the browser that waits there. */
  const begin = async (name: string, browser = createBrowser(), query = '') => {
    const left = await browser.visit(`${startOf(name)}${query}`, { follow: false })
    return { browser, location: String(left.headers.location), request: readRequest(String(left.headers.location)) }
  }
  /** As a browser posts the form of the IdP's page: from another site, so that no cookie of ours goes along. */
  const post = ({ request }: Begun, SAMLResponse: string, more: { RelayState?: string; acs?: string } = {}) => {
    const { RelayState = request.relayState, acs = request.acs } = more
    const headers = { origin: new URL(entry_point).origin }
    return createBrowser().visit(acs, { form: { SAMLResponse, RelayState }, headers, follow: false })
  }
  const goOn = (browser: Browser, { headers }: { headers: { location?: string | string[] | undefined } }) =>
    browser.visit(new URL(String(headers.location), publicUrl))

  const answerFor = ({ request }: Begun, change: Partial<Saying> = {}, by = idp) => {
    const said = { ...usual(entityId, request), ...change }
    return sign(responseOf(said, assertionOf(said)), by)
  }
  /** The whole way, with an answer that is changed. */
  const signInBy = async (name: string, change: Partial<Saying> = {}, by = idp) => {
    const begun = await begin(name)
    const posted = await post(begun, encode(answerFor(begun, change, by)))
    return posted.status === 303 ? goOn(begun.browser, posted) : posted
  }

  return {
    ...{ broker, send, owner, database, idp, next, stranger, entry_point },
    ...{ given, connect, stored, begin, post, goOn, answerFor, signInBy }
  }
}
