import { randomUUID } from 'node:crypto'
import type { App } from '@onbehalf/service-kit'
import { recordSecrets } from '@onbehalf/testkit'
import type { PlayedIdentityBroker } from '@onbehalf/testkit/players'
import { type Answer, externalIssuer, type Started, send, startFlow } from '../start.ts'

export const mount = '/openapi/v1/oauth/device'

export type Sent = { headers?: Record<string, string>; body?: object | string; remoteAddress?: string }

export type SsoBrowser = {
  cookies: Map<string, string>
  ask: (method: 'GET' | 'POST', path: string, sent?: Sent) => Promise<Answer>
}

/** A browser that keeps the cookies it is given; with those of another one, it is that one at another replica. */
export const openBrowser = (app: App, cookies = new Map<string, string>()): SsoBrowser => {
  return {
    cookies,
    ask: async (method, path, { headers = {}, ...sent } = {}) => {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const answer = await send(app, method, path, { headers: { ...(cookie ? { cookie } : {}), ...headers }, ...sent })
      for (const line of setCookies(answer)) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
        if (/Max-Age=0|1970/.test(line)) cookies.delete(name)
        else cookies.set(name, value)
      }
      return answer
    }
  }
}

export const setCookies = ({ headers }: Answer): string[] => [headers['set-cookie'] ?? []].flat().map(String)

export type Subject = Awaited<ReturnType<typeof newSubject>> & { auth_time?: number }

/** Somebody an IdP knows, who is a user here without a role. */
export const newSubject = async (broker: PlayedIdentityBroker, email = `${randomUUID()}@partner.example`) => {
  const { tenant_id, user_id } = await broker.signIn({ role: null, email, issuer: externalIssuer })
  return { tenant_id, user_id, email, issuer: externalIssuer }
}

type Begun = { browser: SsoBrowser; started: Started; flow: { nonce: string; user_code_hash: string } }

/** A device asks, and its user goes to the IdP. */
export const beginSso = async (app: App, broker: PlayedIdentityBroker, browser = openBrowser(app)): Promise<Begun> => {
  const started = await startFlow(app, { tenant: 'acme' }, '10.3.0.1')
  const path = `${mount}/sso-initiate?user_code=${started.user_code}`
  const { status, body } = await browser.ask('GET', path, { remoteAddress: nextAddress() })
  const state = broker.deviceSso.states().at(-1)
  if (status !== 303 || !state) throw new Error(JSON.stringify(body))
  return { browser, started, flow: { nonce: state.nonce, user_code_hash: state.user_code_hash } }
}

/** And comes back as somebody. */
export const completeAs = async (broker: PlayedIdentityBroker, subject: Subject, { browser, flow }: Begun) => {
  const assertion = await broker.deviceSso.assert({ ...subject, ...flow })
  return browser.ask('GET', `${mount}/sso-complete?sso_assertion=${assertion}`)
}

export const decide = async ({ browser, started }: Begun, verb: 'approve' | 'deny' = 'approve', sent: Sent = {}) => {
  const { body: context } = await browser.ask('GET', `${mount}/approval-context`)
  if (context.csrf_token) recordSecrets([context.csrf_token])
  const headers = { 'x-csrf-token': context.csrf_token ?? 'none', ...sent.headers }
  return browser.ask('POST', `${mount}/${verb}-external`, { body: { user_code: started.user_code }, ...sent, headers })
}

/** All of it, up to the approval. */
export const approveAs = async (app: App, broker: PlayedIdentityBroker, subject: Subject) => {
  const begun = await beginSso(app, broker)
  await completeAs(broker, subject, begun)
  const { status, body } = await decide(begun)
  if (status !== 200) throw new Error(JSON.stringify(body))
  return begun.started
}

let addresses = 0
const nextAddress = (): string => {
  addresses += 1
  return `10.4.${addresses >> 8}.${addresses & 255}`
}
