import { randomBytes, randomUUID } from 'node:crypto'
import {
  type DeviceChange,
  deviceChanges,
  listDeviceKeys,
  principalTicket,
  type Role,
  resolveBearer,
  type UserPrincipal
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
  /** A device token of a member, or with a role of null of somebody external; each answer says that it is good for so long. */
  makeToken: (person?: {
    tenant_id?: string
    user_id?: string
    role?: Role | null
    lifetimeSeconds?: number
  }) => DeviceToken
  /** Signs in anew in the place of a token, which ends, and tells everybody. */
  renew: (token: DeviceToken) => DeviceToken
  /** Ends a token and tells nobody, as when its time is over. */
  lapse: (tokenId: string) => void
  /** Ends a token and tells everybody. */
  revoke: (tokenId: string) => void
  change: (...changes: DeviceChange[]) => void
  close: () => Promise<void>
}

const usualSeconds = 600

/** device-auth as the other services see it on the bus: `bus` is connected as device-auth. */
export const playDeviceAuth = async (bus: Bus): Promise<PlayedDeviceAuth> => {
  const key = await makeKeyPair()
  const tokens = new Map<string, UserPrincipal>()
  const lifetimes = new Map<string, number>()
  const feed = writeFeed(bus, deviceChanges)
  const served = [
    serve(bus, listDeviceKeys, async () => ({ ticket: [key.publicKey], session: [] })),
    serve(bus, resolveBearer, async ({ token_hash }) => {
      const principal = tokens.get(token_hash)
      if (!principal) throw new ReportedError('invalid_bearer', 'There is no such token.')
      const { ticket } = await signTicket(principalTicket, principal, { issuer: 'device-auth', key: key.signingKey })
      const lifetimeSeconds = lifetimes.get(principal.credential.id) ?? usualSeconds
      return { principal, ticket, credential_expires_at: Math.floor(Date.now() / 1000) + lifetimeSeconds }
    })
  ]
  // Others ask on connections of their own, which could be faster than these subscriptions.
  await bus.connection.flush()
  const give = (principal: UserPrincipal): DeviceToken => {
    const { tenant_id, user_id, role, credential } = principal
    const token = `${role === null ? 'dfoe' : 'dfoa'}_${randomBytes(32).toString('base64url')}`
    recordSecrets([token])
    tokens.set(hashOf(token), principal)
    return { tenant_id, user_id, token_id: credential.id, token, headers: { authorization: `Bearer ${token}` } }
  }
  const lapse = (tokenId: string): UserPrincipal[] => {
    const ended = [...tokens].filter(([, { credential }]) => credential.id === tokenId)
    for (const [hash] of ended) tokens.delete(hash)
    return ended.map(([, principal]) => principal)
  }
  const end = (tokenId: string): UserPrincipal[] => {
    const ended = lapse(tokenId)
    feed.publish({ kind: 'device_token', id: tokenId })
    return ended
  }
  return {
    makeToken: ({ tenant_id = randomUUID(), user_id = randomUUID(), role = 'member', lifetimeSeconds } = {}) => {
      const id = randomUUID()
      if (lifetimeSeconds !== undefined) lifetimes.set(id, lifetimeSeconds)
      return give({ kind: 'user', tenant_id, user_id, role, credential: { kind: 'device_token', id } })
    },
    lapse: (tokenId) => {
      lapse(tokenId)
    },
    renew: ({ token_id }) => {
      const [principal] = end(token_id)
      if (principal) return give(principal)
      throw new Error('there is no such token')
    },
    revoke: (tokenId) => {
      end(tokenId)
    },
    change: feed.publish,
    close: async () => {
      feed.close()
      await Promise.all(served.map(({ stop }) => stop()))
    }
  }
}
