import { randomBytes, randomUUID } from 'node:crypto'
import {
  type DeviceChange,
  deviceChanges,
  listDeviceKeys,
  type Principal,
  principalTicket,
  type Role,
  resolveBearer
} from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type Bus, serve, signTicket, writeFeed } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { recordSecrets } from '../test-run.ts'
import { makeKeyPair } from './keys.ts'

export type DeviceToken = {
  tenant_id: string
  user_id: string
  token_id: string
  token: string
  headers: { authorization: string }
}

export type PlayedDeviceAuth = {
  /** A device token of a member, or with a role of null of somebody external. */
  makeToken: (person?: { tenant_id?: string; user_id?: string; role?: Role | null }) => DeviceToken
  /** Ends a token and tells everybody. */
  revoke: (tokenId: string) => void
  change: (...changes: DeviceChange[]) => void
  close: () => Promise<void>
}

const lifetimeSeconds = 600

/** device-auth as the other services see it on the bus: `bus` is connected as device-auth. */
export const playDeviceAuth = async (bus: Bus): Promise<PlayedDeviceAuth> => {
  const key = await makeKeyPair()
  const tokens = new Map<string, Principal>()
  const feed = writeFeed(bus, deviceChanges)
  const served = [
    serve(bus, listDeviceKeys, async () => ({ ticket: [key.publicKey], session: [] })),
    serve(bus, resolveBearer, async ({ token_hash }) => {
      const principal = tokens.get(token_hash)
      if (!principal) throw new ReportedError('invalid_bearer', 'There is no such token.')
      const { ticket } = await signTicket(principalTicket, principal, { issuer: 'device-auth', key: key.signingKey })
      return { principal, ticket, credential_expires_at: Math.floor(Date.now() / 1000) + lifetimeSeconds }
    })
  ]
  return {
    makeToken: ({ tenant_id = randomUUID(), user_id = randomUUID(), role = 'member' } = {}) => {
      const token = `${role === null ? 'dfoe' : 'dfoa'}_${randomBytes(32).toString('base64url')}`
      recordSecrets([token])
      const token_id = randomUUID()
      const credential = { kind: 'device_token' as const, id: token_id }
      tokens.set(hashOf(token), { kind: 'user', tenant_id, user_id, role, credential })
      return { tenant_id, user_id, token_id, token, headers: { authorization: `Bearer ${token}` } }
    },
    revoke: (tokenId) => {
      for (const [hash, { credential }] of tokens) if (credential.id === tokenId) tokens.delete(hash)
      feed.publish({ kind: 'device_token', id: tokenId })
    },
    change: feed.publish,
    close: async () => {
      feed.close()
      await Promise.all(served.map(({ stop }) => stop()))
    }
  }
}
