import { randomBytes } from 'node:crypto'
import { recordSecrets } from '@onbehalf/testkit'
import type { Test } from 'tap'
import { openProvider } from '../../../src/providers/secrets.ts'
import { providerStore } from '../../../src/providers/store.ts'
import { startNotingServer } from '../../mcp-server.ts'
import { startService } from '../../start.ts'

export type Setting = Awaited<ReturnType<typeof startSetting>>

/** Two servers, and an owner who registers and changes providers of them. */
export const startSetting = async (t: Test) => {
  const noting = await startNotingServer(t)
  const elsewhere = await startNotingServer(t)
  const { as, backends, broker, resources } = await startService(t, { allow: [noting.address, elsewhere.address] })
  const owner = await broker.signIn({ role: 'owner' })
  const asOwner = as(owner)
  const url = '/v1/mcp-providers'

  const secret = () => {
    const text = randomBytes(18).toString('base64url')
    recordSecrets([text])
    return text
  }

  let made = 0
  const create = async (given: object = {}) => {
    made += 1
    const names = { name: `Server ${made}`, server_identifier: `server-${made}`, server_url: `${noting.url}/${made}` }
    const { status, body } = await asOwner('POST', url, { ...names, ...given })
    if (status !== 201) throw new Error(`${status} ${body.message}`)
    return { body, at: `${url}/${body.id}` }
  }
  /** What the server is sent, which shows what is stored. */
  const sentBy = async (at: string) => {
    noting.seen.length = 0
    await asOwner('POST', `${at}/refresh-tools`)
    return noting.seen.at(-1) ?? {}
  }
  const storedCredentials = async (id: string) => {
    const row = await providerStore(resources.db).find(owner.tenant_id, id)
    return row && (await openProvider(resources.vault, row)).settings.authentication
  }
  return {
    backends,
    broker,
    resources,
    noting,
    elsewhere,
    owner,
    asOwner,
    url,
    secret,
    create,
    sentBy,
    storedCredentials
  }
}
