import { createHash, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { type CallBinding, issueToken, type Principal, type ProviderStatement } from '@onbehalf/contracts'
import type { ReportedError } from '@onbehalf/errors'
import { type Bus, type Served, serve } from '@onbehalf/rpc'
import { decodeJwt, type JWTPayload, SignJWT } from 'jose'
import { listen, stopServer } from '../http/listen.ts'
import { recordSecrets } from '../test-run.ts'
import { makeKeyPair, type PlayedKey } from './keys.ts'
import { principalOf } from './mcp-provider.ts'

/** One question for a token, as the broker understands it. */
export type AskedToken = {
  principal: Principal
  provider: ProviderStatement
  call?: CallBinding
  rejected_token_hash?: string
}

export type PlayedTokenIssuer = {
  /** The issuer of the tokens; its keys are published there. */
  issuer: string
  asked: () => AskedToken[]
  /** Resolves when so many questions were asked. */
  untilAsked: (count: number) => Promise<void>
  /** The grant a user's tokens belong to. */
  grantOf: (userId: string) => string
  /** How the next questions are answered; undefined is the usual token. */
  behave: (behaviour: {
    refuse?: () => ReportedError
    lifetimeSeconds?: number
    reusable?: boolean
    /** Gives the current token also to who says that it is rejected. */
    isStubborn?: boolean
  }) => void
  /** Every answer waits until `open` is called. */
  hold: () => { open: () => void }
  /** Nobody answers until `comeBack`. */
  leave: () => Promise<void>
  comeBack: () => Promise<void>
  close: () => Promise<void>
}

type Behaviour = Parameters<PlayedTokenIssuer['behave']>[0]
type Minted = { token: string; expires_at: number; jti: string }

/**
 * identity-broker's token.issue on the bus, with tokens that an MCP server can verify. Like the real one it hands out
 * a user's current token for a server again, until that one is shown to be rejected.
 */
export const playTokenIssuer = async (bus: Bus): Promise<PlayedTokenIssuer> => {
  const key = await makeKeyPair()
  const { issuer, stop: stopHttp } = await publish(key)
  const current = new Map<string, Minted>()
  const grants = new Map<string, string>()
  const asked: AskedToken[] = []
  const curious = new Set<() => void>()
  let behaviour: Behaviour = {}
  let gate: Promise<void> = Promise.resolve()

  const grantOf = (userId: string): string => {
    const grant = grants.get(userId) ?? randomUUID()
    grants.set(userId, grant)
    return grant
  }
  const mintFor = async ({ principal, provider, call, rejected_token_hash: rejected }: AskedToken): Promise<Minted> => {
    const { user_id } = principal
    const { audience } = provider
    if (user_id === null) throw new Error('a token is for a user')
    const place = `${user_id} ${audience}`
    const held = current.get(place)
    const isFine = behaviour.isStubborn === true || (held && hashOf(held.token) !== rejected)
    const { reusable = true, lifetimeSeconds: seconds = 300 } = behaviour
    if (held && reusable && isFine) return held
    const minted = await mint(issuer, key, { user_id, audience, seconds, binding: reusable ? {} : { ...call } })
    current.set(place, minted)
    return minted
  }
  const answer = () =>
    serve(bus, issueToken, async ({ principal, provider, rejected_token_hash, call }) => {
      const question: AskedToken = {
        principal: principalOf(principal),
        provider: statementOf(provider),
        ...(call ? { call } : {}),
        ...(rejected_token_hash ? { rejected_token_hash } : {})
      }
      asked.push(question)
      for (const look of curious) look()
      const { refuse, reusable = true } = behaviour
      const { user_id } = question.principal
      const { audience, mode } = question.provider
      const minted = refuse ? undefined : await mintFor(question)
      await gate
      if (refuse) throw refuse()
      if (user_id === null || !minted) throw new Error('a token is for a user')
      const { token, expires_at, jti } = minted
      const ids = { grant_id: grantOf(user_id), connection_id: null }
      const identity = { mode, user_id, subject: subjectOf(user_id), audience, jti, ...ids }
      return { token, expires_at, reusable, identity }
    })
  let served: Served | undefined = answer()
  // Others ask on connections of their own, which could be faster than this subscription.
  await bus.connection.flush()

  return {
    issuer,
    asked: () => [...asked],
    untilAsked: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (asked.length < count) return
          curious.delete(look)
          resolve()
        }
        curious.add(look)
        look()
      }),
    grantOf,
    behave: (next) => {
      behaviour = next
    },
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      gate = promise
      return { open: resolve }
    },
    leave: async () => {
      await served?.stop()
      served = undefined
    },
    comeBack: async () => {
      served ??= answer()
      // Only then do the others' questions find somebody.
      await bus.connection.flush()
    },
    close: async () => {
      await served?.stop()
      await stopHttp()
    }
  }
}

/** The subject an IdP knows a user of ours by. */
export const subjectOf = (userId: string): string => `subject-${userId}`

const statementOf = (ticket: string): ProviderStatement => decodeJwt<{ statement: ProviderStatement }>(ticket).statement

const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url')

const mint = async (
  issuer: string,
  { signingKey }: PlayedKey,
  { user_id, audience, seconds, binding }: { user_id: string; audience: string; seconds: number; binding: JWTPayload }
): Promise<Minted> => {
  const jti = randomUUID()
  const expires_at = Math.floor(Date.now() / 1000) + seconds
  const token = await new SignJWT({ email: `${user_id.slice(0, 8)}@example.com`, email_verified: true, ...binding })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: signingKey.kid })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(subjectOf(user_id))
    .setJti(jti)
    .setIssuedAt()
    .setExpirationTime(expires_at)
    .sign(signingKey.privateKey)
  recordSecrets([token])
  return { token, expires_at, jti }
}

/** Publishes the key where a verifier looks for it. */
const publish = async ({ publicKey }: PlayedKey): Promise<{ issuer: string; stop: () => Promise<void> }> => {
  let issuer = ''
  const server = createServer((request, response) => {
    const isKeys = request.url === '/jwks'
    const body = isKeys
      ? { keys: [{ ...publicKey, alg: 'ES256', use: 'sig' }] }
      : { issuer, jwks_uri: `${issuer}/jwks` }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  issuer = `http://127.0.0.1:${await listen(server)}`
  return { issuer, stop: () => stopServer(server) }
}
