import {
  type FreshCredential,
  freshCredential,
  identityChanges,
  type ProviderSettings,
  providerChanges
} from '@onbehalf/contracts'
import { type Bearer, bearerOf } from '@onbehalf/mcp'
import { type Bus, call, createLiveCache, type LiveCache, readFeed } from '@onbehalf/rpc'
import type { Acting } from '../calls/acting.ts'
import type { Providers } from '../providers/cache.ts'

/** What the provider's server is sent of its own authorization server; null: nothing, the provider's headers alone. */
export type Held = (FreshCredential & Bearer) | null

/** Who calls which provider. */
export type CredentialAsk = { acting: Acting; provider: ProviderSettings; traceparent: string }

/** What a server refused a call with; `token_hash` of the token it was sent. */
export type Refused = { status: 401 | 403; challenge?: string; token_hash?: string }

/** The held credential, or mcp-provider's answer. Throws `upstream_authorization_required` where a person has to act. */
export type Credentials = Pick<LiveCache<CredentialAsk, FoundCredential>, 'hold' | 'use'> & {
  /** What to send in place of what was refused; those who were refused the same at once share one question. */
  replace: (ask: CredentialAsk, refused: Refused) => Promise<Held>
  close: () => void
}

/** Wrapped, since null is found as well. */
export type FoundCredential = { credential: Held }
type Question = CredentialAsk & { refused?: Refused }

const heldMax = 100_000
// A refresh at the authorization server is inside.
const freshMs = 20_000
const skewMs = 30_000

/**
 * Credentials of servers' own OAuth, held until near their end, and emptied by the feeds of mcp-provider and of
 * identity-broker: a user's own is not for everybody who may act for them once they are a member no more.
 */
export const createCredentials = (
  bus: Bus,
  { find }: Pick<Providers, 'find'>,
  now: () => number = Date.now
): Credentials => {
  const replacing = new Map<string, Promise<Held>>()
  const cache = createLiveCache<Question, FoundCredential>({
    max: heldMax,
    now,
    keyOf,
    load: async ({ acting, provider, refused, traceparent }) => {
      const { server_identifier } = provider
      const { ticket } = await find({ acting, server_identifier, traceparent })
      const request = { principal: await acting.ticket(), provider: ticket, ...(refused ? { refused } : {}) }
      const options = { deadlineAt: Date.now() + freshMs, traceparent }
      const { credential } = await call(bus, freshCredential, request, options)
      return { credential: credential && { ...credential, ...bearerOf(credential.token) } }
    },
    tagsOf: (_, { acting: { principal }, provider: { provider_id } }) => [
      `provider:${provider_id}`,
      ...(principal.user_id ? [`user:${principal.user_id}`] : [])
    ],
    expiresAtOf: ({ credential }) => usableUntil(credential, now())
  })
  const listener = {
    onChange: ({ kind, id }: { kind: string; id: string }) => cache.dropTag(`${kind}:${id}`),
    onReset: cache.dropAll
  }
  const readers = [readFeed(bus, providerChanges, listener), readFeed(bus, identityChanges, listener)]
  return {
    hold: cache.hold,
    use: cache.use,
    replace: (ask, refused) => {
      const id = `${keyOf(ask)} ${refused.token_hash ?? ''} ${refused.challenge ?? ''}`
      const running = replacing.get(id)
      if (running !== undefined) return running
      // Nobody joins a load that began before the refusal was known.
      cache.delete(ask)
      const asking = cache
        .get({ ...ask, refused })
        .then(({ credential }) => credential)
        .finally(() => replacing.delete(id))
      replacing.set(id, asking)
      return asking
    },
    close: () => {
      for (const reader of readers) reader.close()
    }
  }
}

const keyOf = ({ acting: { principal }, provider: { provider_id, revision } }: CredentialAsk): string =>
  `${principal.tenant_id} ${principal.user_id ?? ''} ${provider_id} ${revision}`

/** 30 s before it ends, or half its remaining life where that is less. */
const usableUntil = (held: Held, now: number): number => {
  if (!held || held.expires_at === null) return Number.POSITIVE_INFINITY
  const remainingMs = held.expires_at * 1000 - now
  return now + remainingMs - Math.min(skewMs, remainingMs / 2)
}
