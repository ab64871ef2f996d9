import {
  deviceChanges,
  identityChanges,
  listBrokerKeys,
  type Principal,
  type ResolvedPrincipal,
  resolveApiKey,
  resolveBearer,
  resolveSession
} from '@onbehalf/contracts'
import { type Bus, call, createAskedKeys, createLiveCache, type LiveCache, readFeed } from '@onbehalf/rpc'
import type { Resolving } from './authenticate.ts'
import { holdRefusals } from './refusals.ts'
import type { FindSessionKey } from './session.ts'

const heldMax = 100_000
const waitMs = 5_000

/** What a resolved credential depends on: the credential itself, and the person or app behind it. */
export const tagsOfPrincipal = ({ principal }: { principal: Principal }): string[] => [
  `${principal.credential.kind}:${principal.credential.id}`,
  ...(principal.kind === 'app' ? [`app:${principal.app_id}`] : []),
  ...(principal.user_id ? [`user:${principal.user_id}`] : [])
]

const credentialCache = <Key>(keyOf: (key: Key) => string, load: (key: Key) => Promise<ResolvedPrincipal>) =>
  createLiveCache<Key, ResolvedPrincipal>({
    max: heldMax,
    keyOf,
    load,
    tagsOf: tagsOfPrincipal,
    expiresAtOf: ({ credential_expires_at }) => credential_expires_at * 1000
  })

/** What is held is given at once. */
const heldOrAsked =
  <Key>({ peek, get }: LiveCache<Key, ResolvedPrincipal>) =>
  (key: Key): Resolving =>
    peek(key) ?? get(key)

/**
 * The authenticators of a service that asks the others who a credential belongs to: answers are held, emptied by the
 * owners' feeds, and asked again within 30 s; that a device token is no good is held for 10 s.
 */
export const busAuthenticators = (
  bus: Bus,
  { accepts }: { accepts: readonly ('session' | 'bearer' | 'api_key')[] }
) => {
  const deadline = () => ({ deadlineAt: Date.now() + waitMs })
  const sessions = credentialCache<{ tenant_id: string; session_id: string }>(
    ({ tenant_id, session_id }) => `${tenant_id} ${session_id}`,
    (key) => call(bus, resolveSession, key, deadline())
  )
  const refusals = holdRefusals((token_hash) => call(bus, resolveBearer, { token_hash }, deadline()))
  const bearers = credentialCache<string>((hash) => hash, refusals.ask)
  const apiKeys = credentialCache<{ key_hash: string; user_id?: string }>(
    ({ key_hash, user_id }) => `${key_hash} ${user_id ?? ''}`,
    (key) => call(bus, resolveApiKey, key, deadline())
  )
  const resolveKey = heldOrAsked(apiKeys)
  const all: LiveCache<never, ResolvedPrincipal>[] = [sessions, bearers, apiKeys]
  const dropAll = () => {
    refusals.empty()
    for (const cache of all) cache.dropAll()
  }
  const dropTag = ({ kind, id }: { kind: string; id: string }) => {
    // A token was minted, or somebody is a member now.
    if (kind === 'device_token' || kind === 'user') refusals.empty()
    for (const cache of all) cache.dropTag(`${kind}:${id}`)
  }
  const readers = [readFeed(bus, identityChanges, { onChange: dropTag, onReset: dropAll })]
  if (accepts.includes('bearer')) readers.push(readFeed(bus, deviceChanges, { onChange: dropTag, onReset: dropAll }))
  return {
    authenticators: {
      ...(accepts.includes('session') ? { session: heldOrAsked(sessions) } : {}),
      ...(accepts.includes('bearer') ? { bearer: heldOrAsked(bearers) } : {}),
      ...(accepts.includes('api_key') ? { api_key: (key_hash: string) => resolveKey({ key_hash }) } : {})
    },
    /** The principal of an API key's app acting for a user: refused unless that app may. */
    actFor: (key_hash: string, user_id: string) => apiKeys.get({ key_hash, user_id }),
    close: () => {
      for (const reader of readers) reader.close()
    }
  }
}

/** Finds session keys at identity-broker; an unknown `kid` asks again at most once in 30 s. */
export const busSessionKeys = (bus: Bus, options: { askAgainMs?: number; now?: () => number } = {}): FindSessionKey =>
  createAskedKeys(async () => {
    const { session } = await call(bus, listBrokerKeys, {}, { deadlineAt: Date.now() + waitMs })
    return session
  }, options)
