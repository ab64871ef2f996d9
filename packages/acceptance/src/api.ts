import { type Client, createClient } from '@onbehalf/client'
import { type Browser, createBrowser, type Page, type Platform, signIn } from '@onbehalf/testkit'
import { Broken } from './expect.ts'

export type Answer = { status: number; body: Record<string, unknown> }

/** Somebody who talks to the gateway: by the cookie of a browser, or by a token. */
export type Caller = {
  send: (method: string, path: string, json?: unknown) => Promise<Answer>
  /** The same, typed by the API's description. */
  api: Client
  browser: Browser
}

const answerOf = (page: Page): Answer => {
  const isJson = String(page.headers['content-type']).startsWith('application/json')
  const body: unknown = isJson ? page.json() : { text: page.body }
  return { status: page.status, body: isRecord(body) ? body : { body } }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The value at a path of an answer, e.g. `at(body, 'result', 'structuredContent', 'subject')`. */
export const at = (value: unknown, ...path: string[]): unknown =>
  path.reduce<unknown>((inner, key) => (isRecord(inner) ? inner[key] : undefined), value)

/** The text at a path; throws, naming the path, where there is none. */
export const textAt = (value: unknown, ...path: string[]): string => {
  const found = at(value, ...path)
  if (typeof found === 'string') return found
  throw new Error(`expected a text at ${path.join('.')} of ${JSON.stringify(value).slice(0, 300)}`)
}

/** Signs one of the demo's people in at the IdP, in a browser of their own. */
export const signInAs = async (
  { publicUrl }: Pick<Platform, 'publicUrl'>,
  login: string,
  path = '/auth/sign-in?tenant=acme&return_to=/auth/me'
): Promise<Caller> => {
  const browser = createBrowser()
  const landed = await signIn(browser, `${publicUrl}${path}`, { login })
  if (landed.status >= 400) throw new Error(`signing in ended with ${landed.status}: ${landed.body.slice(0, 300)}`)
  return inBrowser({ publicUrl }, browser)
}

/** The caller that a signed-in browser is; after another sign-in it is another one. */
export const inBrowser = async ({ publicUrl }: Pick<Platform, 'publicUrl'>, browser: Browser): Promise<Caller> => {
  const csrf = textAt((await browser.visit(`${publicUrl}/auth/me`)).json(), 'csrf')
  return callerBy(browser, publicUrl, { 'x-csrf-token': csrf })
}

/** A caller with a bearer token: a terminal, or an application. */
export const withToken = ({ publicUrl }: Pick<Platform, 'publicUrl'>, token: string | undefined): Caller => {
  return callerBy(createBrowser(), publicUrl, token ? { authorization: `Bearer ${token}` } : {})
}

const callerBy = (browser: Browser, publicUrl: string, credential: Record<string, string>): Caller => {
  const headers = { accept: 'application/json', ...credential }
  const visit = (method: string, path: string, json: unknown) =>
    browser.visit(`${publicUrl}${path}`, { method, headers, ...(json ? { json } : {}) })
  return {
    browser,
    send: async (method, path, json) => answerOf(await visit(method, path, json)),
    api: createClient(async ({ method, path, json }) => {
      const page = await visit(method, path, json)
      return { status: page.status, type: page.headers['content-type']?.toString(), text: page.body }
    })
  }
}

/** A device token, by the device flow: asked for by a terminal, approved by somebody who is signed in, and polled. */
export const signInDevice = async (
  platform: Pick<Platform, 'publicUrl'>,
  approver: Pick<Caller, 'api'>,
  device_label: string
): Promise<string> => {
  const { api } = withToken(platform, undefined)
  const client = { client_id: 'onbehalf', device_label }
  const begun = await api.ask('POST /openapi/v1/oauth/device/code', { body: client })
  if (begun.status !== 200) throw new Broken(`asking for a code: ${JSON.stringify(begun.body)}`)
  const { user_code, device_code } = begun.body
  const approved = await approver.api.ask('POST /openapi/v1/oauth/device/approve', { body: { user_code } })
  if (approved.status !== 200) throw new Broken(`approving: ${JSON.stringify(approved.body)}`)
  const given = await api.ask('POST /openapi/v1/oauth/device/token', { body: { ...client, device_code } })
  if (given.status !== 200) throw new Broken(`the poll: ${given.body.error}`)
  return given.body.access_token
}

/** Asks identity-broker's inner listener, as a platform with its own registry does. */
export const askInner = async (
  { innerUrl, secrets, tenantId }: Pick<Platform, 'innerUrl' | 'secrets' | 'tenantId'>,
  { userId, audience, secret = secrets.installationSecret }: { userId: string; audience: string; secret?: string }
): Promise<Answer> => {
  const browser = createBrowser()
  const page = await browser.visit(`${innerUrl}/inner/api/mcp/issue-token`, {
    headers: { 'enterprise-api-secret-key': secret },
    json: { user_id: userId, tenant_id: tenantId, app_id: '', audience }
  })
  await browser.close()
  return answerOf(page)
}

export const callTool = (caller: Caller, server_identifier: string, tool: string, more: Record<string, unknown> = {}) =>
  caller.send('POST', '/v1/tools/call', { server_identifier, tool, arguments: {}, ...more })
