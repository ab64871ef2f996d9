import { freshCredential, resolveProvider } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { openBusAs, type SignedIn } from '@onbehalf/testkit/players'
import { Client } from 'pg'
import type { Test } from 'tap'
import type { Running } from '../start.ts'

export type Refused = { status: 401 | 403; challenge?: string; token_hash?: string }

/** The steps that authorizations are told in: as people make them in a browser, and tool-invoker on the bus. */
export const openSteps = async (t: Test, { app, as, backends }: Running, serverUrl: string) => {
  const bus = await openBusAs(t, backends, 'tool-invoker')
  const sql = new Client(backends.adminDatabaseUrl)
  await sql.connect()
  t.teardown(() => sql.end())
  const url = '/v1/mcp-providers'
  let count = 0

  const ticketFor = async ({ ticket: principal }: SignedIn, server_identifier: string) => {
    const asked = { principal, server_identifier }
    return (await call(bus, resolveProvider, asked, { deadlineAt: Date.now() + 20_000 })).ticket
  }
  const freshBy = async ({ ticket: principal }: SignedIn, provider: string, refused?: Refused) => {
    const asked = { principal, provider, ...(refused ? { refused } : {}) }
    return (await call(bus, freshCredential, asked, { deadlineAt: Date.now() + 20_000 })).credential
  }
  const authorizeBy = async (who: SignedIn, id: string, payload: object = {}) => {
    const answer = await app.inject({ method: 'POST', url: `${url}/${id}/authorize`, headers: who.headers, payload })
    const cookies = answer.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
    return { status: answer.statusCode, cookies, body: answer.json() }
  }
  const comeBack = async (to: URL, cookie: string) => {
    const answer = await app.inject({ method: 'GET', url: `${to.pathname}${to.search}`, headers: { cookie } })
    return { status: answer.statusCode, text: answer.body }
  }
  return {
    sql,
    /** A provider in the place of the one before it, whose server is the same. */
    register: async (who: SignedIn, given: object = {}) => {
      count += 1
      const identifier = `s${count}`
      const { body: before } = await as(who)('GET', url)
      for (const { id } of before.data) await as(who)('DELETE', `${url}/${id}`)
      const made = { name: identifier, server_identifier: identifier, server_url: serverUrl, ...given }
      const { status, body, text } = await as(who)('POST', url, made)
      if (status !== 201) throw new Error(text)
      return { ...body, identifier, at: `${url}/${body.id}` }
    },
    /** From the beginning to the end, with a code that a played server takes; what the beginning asked for. */
    connectPlayed: async (who: SignedIn, id: string) => {
      const { body, cookies } = await authorizeBy(who, id)
      if (!body.authorize_url) throw new Error(JSON.stringify(body))
      const asked: Record<string, string> = Object.fromEntries(new URL(body.authorize_url).searchParams)
      const came = await comeBack(new URL(`${asked.redirect_uri}?code=c&state=${asked.state}`), cookies)
      if (came.status !== 200) throw new Error(came.text)
      return asked
    },
    authorizeBy,
    comeBack,
    ticketFor,
    freshBy,
    /** What a call of somebody's takes along. */
    freshFor: async (who: SignedIn, server_identifier: string, refused?: Refused) =>
      freshBy(who, await ticketFor(who, server_identifier), refused),
    dueNow: (id: string) =>
      sql.query('update mcp_provider.oauth_credential set renew_at = now() where provider_id = $1', [id]),
    /** As if what was given were over, too. */
    endNow: (id: string) =>
      sql.query(
        'update mcp_provider.oauth_credential set renew_at = now(), expires_at = now() where provider_id = $1',
        [id]
      ),
    credentialsOf: async (id: string) =>
      (await sql.query('select * from mcp_provider.oauth_credential where provider_id = $1', [id])).rows
  }
}
