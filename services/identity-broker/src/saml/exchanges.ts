import { randomBytes } from 'node:crypto'
import { matches } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { type Static, Type } from '@sinclair/typebox'
import type { Redis } from 'ioredis'
import type { NewUser } from '../database.ts'
import { requestSeconds, skewSeconds } from './service-provider.ts'

/** A request under way: what its answer has to name, and whose it was. */
const Request = Type.Object({ request_id: Type.String(), tenant_id: Type.String(), connection_id: Type.String() })
export type Request = Static<typeof Request>

/** Who an answer named, until the browser that began comes back for it. */
const Result = Type.Object({
  subject: Type.String(),
  email: Type.Union([Type.String(), Type.Null()]),
  is_email_verified: Type.Boolean(),
  name: Type.Union([Type.String(), Type.Null()]),
  /** When they signed in there, in seconds since the epoch. */
  auth_time: Type.Optional(Type.Number())
})
type Result = NewUser & { auth_time?: number }

const resultSeconds = 120
/** An assertion is taken until it is as old as a request may be. */
const assertionSeconds = requestSeconds + 2 * skewSeconds

const keyOf = (what: 'request' | 'result' | 'assertion', ...parts: string[]) =>
  `identity-broker:saml:${what}:${hashOf(parts.join(' '))}`

export type SamlExchanges = ReturnType<typeof samlExchanges>

/** What crosses to the IdP and back, in Redis: each is taken once, and none is found without the state of its sign-in. */
export const samlExchanges = (redis: Redis) => {
  const put = (key: string, value: object, seconds: number) => redis.set(key, JSON.stringify(value), 'EX', seconds)
  const take = async (key: string): Promise<unknown> => {
    const text = await redis.getdel(key)
    return text ? JSON.parse(text) : undefined
  }
  return {
    begin: async (state: string, of: Omit<Request, 'request_id'>): Promise<string> => {
      // SAML core §1.3.4: an id begins with a letter or underscore, and nobody guesses it.
      const request_id = `_${randomBytes(20).toString('hex')}`
      await put(keyOf('request', state), { request_id, ...of }, requestSeconds)
      return request_id
    },
    takeRequest: async (state: string): Promise<Request | undefined> => {
      const request = await take(keyOf('request', state))
      return matches(Request, request) ? request : undefined
    },
    /** Whether this assertion is new. */
    isFirstUse: async (connectionId: string, assertionId: string): Promise<boolean> =>
      (await redis.set(keyOf('assertion', connectionId, assertionId), '1', 'EX', assertionSeconds, 'NX')) === 'OK',
    /** The handle under which the result can be had, with the state it belongs to. */
    keepResult: async (state: string, result: Result): Promise<string> => {
      const handle = randomBytes(32).toString('base64url')
      await put(keyOf('result', state, handle), result, resultSeconds)
      return handle
    },
    takeResult: async (state: string, handle: string): Promise<Result | undefined> => {
      const result = await take(keyOf('result', state, handle))
      return matches(Result, result) ? result : undefined
    }
  }
}
