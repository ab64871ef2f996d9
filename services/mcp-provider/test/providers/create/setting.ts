import { randomBytes } from 'node:crypto'
import { issueToken } from '@onbehalf/contracts'
import { serve } from '@onbehalf/rpc'
import { recordSecrets } from '@onbehalf/testkit'
import { startEverything, startWhoami } from '@onbehalf/testkit/mcp-servers'
import type { Test } from 'tap'
import { startNotingServer } from '../../mcp-server.ts'
import { startService } from '../../start.ts'

export type Setting = Awaited<ReturnType<typeof startSetting>>

/** Three servers, and an owner who registers providers of them. */
export const startSetting = async (t: Test) => {
  const whoami = await startWhoami({ issuer: 'http://127.0.0.1:9' })
  t.teardown(whoami.stop)
  const everything = await startEverything()
  t.teardown(everything.stop)
  const noting = await startNotingServer(t)
  const { as, backends, broker, brokerBus, logs } = await startService(t, {
    allow: [`127.0.0.1:${whoami.port}`, `127.0.0.1:${everything.port}`, noting.address]
  })
  const owner = await broker.signIn({ role: 'owner' })
  const asOwner = as(owner)
  const url = '/v1/mcp-providers'

  let made = 0
  const fresh = (given: object) => {
    made += 1
    return { name: `Server ${made}`, server_identifier: `server-${made}`, ...given }
  }
  const secret = () => {
    const text = randomBytes(18).toString('base64url')
    recordSecrets([text])
    return text
  }
  /** A token for the server that the provider ticket names, as the broker makes it. */
  const minted = (token: string, { provider }: { provider: string }) => {
    const { audience } = JSON.parse(Buffer.from(provider.split('.')[1] ?? '', 'base64url').toString()).statement
    const facts = { mode: 'idp_token', user_id: owner.user_id, subject: 's', audience } as const
    const identity = { ...facts, jti: null, grant_id: null, connection_id: null }
    return { token, expires_at: Math.floor(Date.now() / 1000) + 60, reusable: true, identity }
  }
  const issued = async (handler: Parameters<typeof serve<typeof issueToken.request, typeof issueToken.reply>>[2]) => {
    const served = serve(brokerBus, issueToken, handler)
    await brokerBus.connection.flush()
    return served
  }
  return {
    ...{ as, backends, broker, brokerBus, logs, whoami, everything, noting },
    ...{ owner, asOwner, url, fresh, secret, minted, issued }
  }
}
