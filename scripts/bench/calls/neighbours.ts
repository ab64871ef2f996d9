import {
  deviceChanges,
  findTool,
  freshCredential,
  identityChanges,
  issueToken,
  listBrokerKeys,
  type ProviderSettings,
  providerChanges,
  resolveBearer,
  resolveProvider
} from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type Bus, serve, writeFeed } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'

/** How a provider's server answers: see quick-tools.ts. */
const ways = ['echo', 'slow', 'large', 'events', 'dead', 'moving']

/** Modes that calls are measured in. */
export const modes = ['off', 'idp_token', 'token_exchange', 'signed'] as const
export type Mode = (typeof modes)[number]

const idOf = (kind: number, number: number): string =>
  `0190${kind}000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`
const tenant_id = idOf(1, 1)
const noise = (length: number) => 'ey0'.repeat(Math.ceil(length / 3)).slice(0, length)
/** As long as ours are, and as an IdP's are; tool-invoker reads neither. */
const [ticketLength, tokenLength] = [620, 900]
const lifeSeconds = 3_600

/** The device token of a person, by number. */
export const tokenOf = (person: number): string => `dfoa_${hashOf(`person ${person}`)}`
/** How a provider is named: its mode, how its server answers, and its number. */
export const identifierOf = (mode: Mode, way: string, number = 0): string =>
  `${mode.replaceAll('_', '-')}-${way}-${number}`

/** Of each provider its own, as of each server. */
const toolOf = (server_identifier: string) => ({
  name: 'echo',
  description: 'Says what it is told.',
  input_schema: {
    type: 'object',
    properties: { text: { type: 'string', maxLength: 10_000 }, times: { type: 'integer', minimum: 1 } },
    required: ['text'],
    additionalProperties: false
  },
  hash: hashOf(`echo of ${server_identifier}`)
})

const expiry = () => Math.floor(Date.now() / 1000) + lifeSeconds

/**
 * The three other services as tool-invoker sees them on the bus, which know everybody and every provider by their names
 * alone and answer at once.
 */
export const playNeighbours = async (
  buses: { broker: Bus; provider: Bus; device: Bus },
  { origin, peopleMax }: { origin: string; peopleMax: number }
) => {
  const people = new Map<string, number>()
  for (let person = 0; person < peopleMax; person += 1) people.set(hashOf(tokenOf(person)), person)
  const revisions = new Map<string, { revision: number; way: string }>()
  const revoked = new Set<number>()
  const { broker, provider, device } = buses
  const [identities, devices] = [writeFeed(broker, identityChanges), writeFeed(device, deviceChanges)]
  const changes = writeFeed(provider, providerChanges)

  const settingsOf = (server_identifier: string): ProviderSettings => {
    const [, name = '', way = '', number = ''] = /^(.+)-([a-z]+)-(\d+)$/.exec(server_identifier) ?? []
    const mode = modes.find((one) => identifierOf(one, way, Number(number)) === server_identifier) ?? 'off'
    const changed = revisions.get(server_identifier)
    const server_url = `${origin}/${changed?.way ?? way}/${name}/${number}`
    return {
      ...{ provider_id: idOf(2 + modes.indexOf(mode), Number(number) * ways.length + ways.indexOf(way)), tenant_id },
      ...{ revision: changed?.revision ?? 1, server_identifier, name: 'Quick', server_url, audience: server_url, mode },
      ...{ headers: { 'x-workspace': 'acme' }, timeout: way === 'dead' ? 2 : 30, sse_read_timeout: 300 }
    }
  }
  const served = [
    serve(broker, listBrokerKeys, async () => ({ ticket: [], session: [], device_sso: [] })),
    serve(device, resolveBearer, async ({ token_hash }) => {
      const person = people.get(token_hash)
      if (person === undefined) throw new Error('nobody has this token')
      const credential = { kind: 'device_token' as const, id: idOf(8, person) }
      const role = 'member' as const
      return {
        principal: { kind: 'user' as const, tenant_id, user_id: idOf(9, person), role, credential },
        ticket: `${person}.${noise(ticketLength)}`,
        credential_expires_at: expiry()
      }
    }),
    serve(provider, resolveProvider, async ({ server_identifier }) => ({
      settings: settingsOf(server_identifier),
      ticket: `${server_identifier}.${noise(ticketLength)}`
    })),
    serve(provider, findTool, async ({ server_identifier }) => {
      const { provider_id } = settingsOf(server_identifier)
      return { provider_id, tenant_id, tool: toolOf(server_identifier), is_listed: true, is_approved: true }
    }),
    serve(provider, freshCredential, async () => ({ credential: null })),
    serve(broker, issueToken, async ({ principal, provider: ticket }) => {
      const [person = ''] = principal.split('.')
      const [server_identifier = ''] = ticket.split('.')
      const { mode, audience } = settingsOf(server_identifier)
      if (revoked.has(Number(person))) throw new ReportedError('identity_refresh_rejected', 'Please sign in again.')
      const ids = { grant_id: idOf(7, Number(person)), connection_id: idOf(1, 2) }
      const user_id = idOf(9, Number(person))
      return {
        token: `${person}.${noise(tokenLength)}`,
        ...{ expires_at: expiry(), reusable: mode !== 'signed' },
        identity: { mode, user_id, subject: `person-${person}`, audience, jti: idOf(6, Number(person)), ...ids }
      }
    })
  ]
  await Promise.all([broker, provider, device].map(({ connection }) => connection.flush()))
  return {
    /** Moves a provider to where its server answers in another way, and tells everybody. */
    change: (server_identifier: string, way: string) => {
      const { revision, provider_id } = settingsOf(server_identifier)
      revisions.set(server_identifier, { revision: revision + 1, way })
      changes.publish({ kind: 'provider', id: provider_id })
    },
    /** Takes back what a person's sign-in left, and tells everybody. */
    revoke: (person: number) => {
      revoked.add(person)
      identities.publish({ kind: 'grant', id: idOf(7, person) })
    },
    close: async () => {
      for (const feed of [identities, devices, changes]) feed.close()
      await Promise.all(served.map(({ stop }) => stop()))
    }
  }
}
