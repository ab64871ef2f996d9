import { createHash } from 'node:crypto'
import { type CallBinding, identityChanges, issueToken, providerChanges } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type Bus, call, createLiveCache, type Found, type LiveCache, readFeed } from '@onbehalf/rpc'
import { type Bearer, bearerOf } from './bearer.ts'
import { usableUntil } from './usable-until.ts'

/** A token for one user at one server, and whose it is. */
export type MintedToken = Awaited<ReturnType<typeof askBroker>> & Bearer

/** For whom, by whom, and for which provider a token is wanted. */
export type TokenAsk = {
  tenant_id: string
  user_id: string
  /** The app that acts for the user; null where they act themselves. */
  app_id: string | null
  provider: { provider_id: string; revision: number; mode: string; audience: string }
  /** The call it is for, for a token that is good for that call only; left out where tools are listed. */
  call?: CallBinding
  /** Asked only when the broker is, and then anew: a ticket read at the start of a call may have ended since. */
  tickets: () => Promise<{ principal: string; provider: string }>
  traceparent?: string | undefined
}

export type Tokens = Pick<LiveCache<TokenAsk, MintedToken>, 'hold' | 'use'> & {
  /**
   * The held token, or one from the broker; those who ask for the same one at once share one question. A token that is
   * not reusable goes to the one whose question it answers, and is held for nobody.
   */
  get: (ask: TokenAsk) => Promise<MintedToken>
  /** Another token than `rejected`, to which the server answered 401; the very same one when the broker has no other. */
  reissue: (ask: TokenAsk, rejected: string) => Promise<MintedToken>
  close: () => void
}

// One object per question, so that its asker can tell whether the answer is to its own tickets.
type Question = TokenAsk & { rejected_token_hash?: string; isOwn: boolean }

const heldMax = 100_000
// A refresh at the IdP is inside; callers that cannot wait so long stop waiting, the question goes on.
const issueMs = 30_000

const keyOf = ({ tenant_id, user_id, app_id, provider }: TokenAsk): string =>
  `${tenant_id} ${user_id} ${app_id ?? ''} ${provider.provider_id} ${provider.revision} ${provider.mode}`

/** The one way to ask identity-broker for minted tokens: held in memory, emptied by the owners' feeds. */
export const createTokens = (bus: Bus, { now = Date.now }: { now?: () => number } = {}): Tokens => {
  const reissues = new Map<string, Promise<MintedToken>>()
  // Which modes give such tokens is the broker's to know; the first answer of each tells.
  const singleUse = new Set<string>()
  const cache = createLiveCache<Question, MintedToken>({
    max: heldMax,
    now,
    keyOf,
    load: (question) => issue(bus, question, now() + issueMs),
    tagsOf,
    expiresAtOf: (minted) => usableUntil(minted, now())
  })
  const dropTag = ({ kind, id }: { kind: string; id: string }) => cache.dropTag(`${kind}:${id}`)
  const readers = [
    readFeed(bus, identityChanges, { onChange: dropTag, onReset: cache.dropAll }),
    readFeed(bus, providerChanges, { onChange: dropTag, onReset: cache.dropAll })
  ]

  const askAlone = async (question: Question): Promise<Found<MintedToken>> => {
    const minted = await issue(bus, question, now() + issueMs)
    if (minted.reusable) singleUse.delete(question.provider.mode)
    return { value: minted, held: undefined }
  }
  const settle = async (question: Question, asking: Promise<Found<MintedToken>>): Promise<Found<MintedToken>> => {
    const found = await asking.catch((error: unknown) => {
      // The broker may have refused the tickets of whoever asked first; these are others.
      if (question.isOwn || !isPolicyDenied(error)) throw error
      return cache.hold(question)
    })
    if (found.value.reusable) return found
    singleUse.add(question.provider.mode)
    // It is for the call of whoever asked first.
    return question.isOwn ? found : askAlone(question)
  }
  const ask = (question: Question): Found<MintedToken> | Promise<Found<MintedToken>> => {
    if (singleUse.has(question.provider.mode)) return askAlone(question)
    const found = cache.hold(question)
    return found instanceof Promise ? settle(question, found) : found
  }

  const askAnew = async (question: Question): Promise<MintedToken> => {
    // Nobody joins a load that began before the rejection was known.
    cache.delete(question)
    return (await ask(question)).value
  }

  const hold = (wanted: TokenAsk) => ask({ ...wanted, isOwn: false })
  return {
    get: async (wanted) => (await hold(wanted)).value,
    hold,
    use: cache.use,
    reissue: async (wanted, rejected) => {
      const question = { ...wanted, rejected_token_hash: hashOf(rejected), isOwn: false }
      const held = cache.peek(question)
      if (held && held.token !== rejected) return held
      const id = `${keyOf(wanted)} ${question.rejected_token_hash}`
      const running = reissues.get(id)
      if (running) return running
      const asking = askAnew(question).finally(() => reissues.delete(id))
      reissues.set(id, asking)
      return asking
    },
    close: () => {
      for (const reader of readers) reader.close()
    }
  }
}

const askBroker = (
  bus: Bus,
  request: { principal: string; provider: string; call?: CallBinding; rejected_token_hash?: string },
  options: { deadlineAt: number; traceparent: string | undefined }
) => call(bus, issueToken, request, options)

const issue = async (bus: Bus, question: Question, deadlineAt: number): Promise<MintedToken> => {
  question.isOwn = true
  const { rejected_token_hash, call: binding, traceparent, user_id, provider } = question
  const request = {
    ...(await question.tickets()),
    ...(binding ? { call: binding } : {}),
    ...(rejected_token_hash ? { rejected_token_hash } : {})
  }
  const minted = await askBroker(bus, request, { deadlineAt, traceparent })
  const { identity } = minted
  // A provider that moved meanwhile has other tickets: their token is for another server than the one to be called.
  const isAsked = identity.mode === provider.mode && identity.audience === provider.audience
  if (identity.user_id === user_id && isAsked) return withBearer(minted, question)
  throw new ReportedError('unavailable', 'The server was changed during the call. Try again.', {
    cause: new Error('the token is for somebody or something else'),
    retry_after_seconds: 1
  })
}

/** Many are held: what the question has as well is kept once, and members that are all named take the least room. */
const withBearer = (
  { token: given, expires_at, reusable, identity: named }: Awaited<ReturnType<typeof askBroker>>,
  { user_id, provider: { audience } }: Question
): MintedToken => {
  const { mode, subject, jti, grant_id, connection_id } = named
  const identity = { mode, user_id, subject, audience, jti, grant_id, connection_id }
  const { token, authorization } = bearerOf(given)
  return { token, authorization, expires_at, reusable, identity }
}

const tagsOf = ({ identity }: MintedToken, { app_id, user_id, provider }: TokenAsk): string[] => [
  `user:${user_id}`,
  `provider:${provider.provider_id}`,
  ...(app_id ? [`app:${app_id}`] : []),
  ...(identity.grant_id ? [`grant:${identity.grant_id}`] : []),
  ...(identity.connection_id ? [`connection:${identity.connection_id}`] : [])
]

const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url')

const isPolicyDenied = (error: unknown): boolean => error instanceof ReportedError && error.code === 'policy_denied'
