import { type IdentityChange, identityChanges } from '@onbehalf/contracts'
import { type Bus, createLiveCache, readFeed } from '@onbehalf/rpc'
import type { LatestTokens } from '../../grants/refresh/latest-tokens.ts'
import type { MintAsk, MintNextToken, MintToken } from '../mint.ts'
import type { Minted } from '../modes/mode.ts'
import type { MintKey } from './key.ts'
import type { SharedTokens } from './shared.ts'

type Held = { minted: Minted; trueAt: number; tags: readonly string[]; weight: number }

type Needs = {
  bus: Bus
  shared: Pick<SharedTokens, 'look' | 'keep'>
  /** Calls `listener` for every change this replica makes. */
  onOwnChange: (listener: (change: IdentityChange) => void) => void
  mintAnew: MintToken
  mintNext: MintNextToken
  latest: Pick<LatestTokens, 'note'>
  now?: () => number
}

/** In characters, since a token may be of 8 KiB: some 50,000 usual ones. */
const weightMax = 100 * 1024 * 1024
/** What is held beside a token and what it is found by. */
const entryWeight = 1_000
/** A token this close to its end is not handed out: the call it is for takes time too. */
const skewMs = 30_000
/** A fetch is shared by those who ask meanwhile; who cannot wait so long stops waiting. */
const fetchMs = 20_000

/**
 * Tokens that are good for more than one call: in this process, in Redis for all replicas (but for one that follows another
 * of the same grant), and with the grant in Postgres, where the mode finds them. The feed empties this layer, and all layers together use none for more than
 * 30 s without asking Postgres.
 */
export const createKeptTokens = ({ bus, shared, onOwnChange, mintAnew, mintNext, latest, now = Date.now }: Needs) => {
  const heldOf = (ask: MintAsk, minted: Minted, trueAt: number): Held => {
    const { grant_id, connection_id, subject, generation, expires_at } = minted
    if (grant_id && connection_id && generation !== null)
      latest.note(keyOf(ask), { grant_id, connection_id, subject, generation, expires_at })
    const weight = entryWeight + idOf(ask).length + minted.token.length
    return { minted, trueAt, tags: tagsOf(minted, ask), weight }
  }
  const fetchAnew = async (ask: MintAsk, lookedAt: number | undefined): Promise<Held> => {
    const trueAt = now()
    const minted = await mintAnew({ ...ask, deadlineAt: trueAt + fetchMs })
    const held = heldOf(ask, minted, trueAt)
    // Without Redis the other replicas find it in Postgres.
    if (lookedAt !== undefined && usableUntil(minted) > now())
      await shared.keep(keyOf(ask), minted, { tags: held.tags, lookedAt }).catch(() => {})
    return held
  }
  /** What follows an ended token is for Postgres to say, when the lease is taken: asking Redis before only delays it. */
  const fetchNext = async (ask: MintAsk): Promise<Held | undefined> => {
    const trueAt = now()
    const minted = await mintNext({ ...ask, deadlineAt: trueAt + fetchMs })
    return minted && heldOf(ask, minted, trueAt)
  }
  const cache = createLiveCache<MintAsk, Held>({
    max: weightMax,
    weightOf: ({ weight }) => weight,
    now,
    keyOf: idOf,
    load: async (ask) => {
      const next = await fetchNext(ask)
      if (next) return next
      const { found, lookedAt } = await shared.look(keyOf(ask))
      if (!found || usableUntil(found.minted) <= now()) return fetchAnew(ask, lookedAt)
      const { minted, ageMs } = found
      return heldOf(ask, minted, now() - ageMs)
    },
    tagsOf: ({ tags }) => tags,
    trueAtOf: ({ trueAt }) => trueAt,
    expiresAtOf: ({ minted }) => usableUntil(minted)
  })
  const dropTag = ({ kind, id }: IdentityChange) => cache.dropTag(`${kind}:${id}`)
  onOwnChange(dropTag)
  const reader = readFeed(bus, identityChanges, { onChange: dropTag, onReset: cache.dropAll })

  const mint: MintToken = async (ask) => {
    if (ask.rejectedTokenHash === undefined) return (await cache.get(ask)).minted
    // The server did not take what is held: only Postgres knows whether it still is the current one.
    cache.delete(ask)
    const { lookedAt } = await shared.look(keyOf(ask))
    return (await fetchAnew(ask, lookedAt)).minted
  }
  return { mint, close: () => reader.close() }
}

const keyOf = ({ tenant_id, user_id, mode, provider: { audience, scopes, revision = 0 } }: MintAsk): MintKey => ({
  ...{ tenant_id, user_id, audience, mode, scopes: scopes.join(' '), revision }
})

const idOf = (ask: MintAsk): string => Object.values(keyOf(ask)).join('\n')

const tagsOf = ({ grant_id, connection_id }: Minted, { user_id }: MintAsk): string[] => [
  `user:${user_id}`,
  ...(grant_id ? [`grant:${grant_id}`] : []),
  ...(connection_id ? [`connection:${connection_id}`] : [])
]

const usableUntil = ({ expires_at }: Minted): number => expires_at * 1000 - skewMs
