import { issueToken, type ProviderSettings } from '@onbehalf/contracts'
import { call } from '@onbehalf/rpc'
import { type TestContext, withDatabase } from '@onbehalf/testkit'
import { Client } from 'pg'
import type { Broker, SignedIn } from '../start.ts'

type More = { rejected_token_hash?: string; forward_id_token?: boolean }

/** Asks for tokens as tool-invoker does, with the tickets of a user and a server, and looks into the rows. */
export const askerOf = async (t: TestContext, { bus, mcpProvider, backends, publicUrl }: Broker) => {
  const name = new URL(backends.adminDatabaseUrl).pathname.slice(1)
  const database = new Client({ connectionString: withDatabase(backends.adminDatabaseUrl, name) })
  await database.connect()
  t.teardown(() => database.end())
  const rows = async (sql: string): Promise<Record<string, unknown>[]> => (await database.query(sql)).rows
  const grantOf = async ({ userId }: SignedIn): Promise<string> => {
    const [row] = await rows(`select id from identity_broker."grant" where user_id = '${userId}'`)
    return String(row?.id)
  }
  const onGrant = async (whose: SignedIn, path: string): Promise<number> => {
    const headers = { 'x-csrf-token': whose.csrf }
    const url = `${publicUrl}/v1/grants/${await grantOf(whose)}${path}`
    return (await whose.browser.visit(url, { method: 'DELETE', headers })).status
  }
  return {
    rows,
    issue: async (who: Pick<SignedIn, 'ticket'>, provider: ProviderSettings, more: More = {}) => {
      const tickets = { principal: await who.ticket(), provider: await mcpProvider.ticketFor(provider) }
      return call(bus, issueToken, { ...tickets, ...more }, { deadlineAt: Date.now() + 20_000 })
    },
    emptyTokens: (whose: SignedIn) => onGrant(whose, '/tokens'),
    revoke: (whose: SignedIn) => onGrant(whose, '')
  }
}
