import { ReportedError } from '@onbehalf/errors'
import { networkOf, userOf } from '@onbehalf/service-kit'
import type { FastifyRequest } from 'fastify'
import type { Redis } from 'ioredis'
import { type Count, createCount } from './count.ts'

/** Counts the request; throws `too_many_requests` once the budget is used up, `unavailable` when nobody can count. */
export type Budget<Counted> = (counted: Counted) => Promise<void>

type Person = { tenant_id: string; user_id: string }

const byAddress = ({ ip }: Pick<FastifyRequest, 'ip'>): string => networkOf(ip)
const bySite = ({ ip }: Pick<FastifyRequest, 'ip'>): string => networkOf(ip, 48)
const byClient = (client_id: string): string => client_id
const byCaller = (request: FastifyRequest): string => byPerson(userOf(request))
// Enough of the hash to tell tokens apart, and nothing that a token could be asked for with.
const byToken = (token_hash: string): string => token_hash.slice(0, 22)
const byPerson = ({ tenant_id, user_id }: Person): string => `${tenant_id}:${user_id}`

/** What each caller may ask for, in windows that begin with the first request and that success does not empty. */
export const openBudgets = (redis: Redis) => {
  const count = createCount(redis)
  return {
    code: budget(count, { name: 'code', max: 60, seconds: 3600, keyOf: byAddress }),
    /** What all the IPv6 networks of one customer get: 65,536 of them would use up what a client has for everybody. */
    siteCode: budget(count, { name: 'site-code', max: 600, seconds: 3600, keyOf: bySite }),
    /** Flows of a client, from whatever addresses: what waits at once fits into Redis. A flow lives as long as the window. */
    clientCode: budget(count, { name: 'client-code', max: 50_000, seconds: 900, keyOf: byClient }),
    lookup: budget(count, { name: 'lookup', max: 60, seconds: 300, keyOf: byAddress }),
    /** Look-ups of somebody who is signed in, from whatever addresses. */
    ownLookup: budget(count, { name: 'own-lookup', max: 60, seconds: 300, keyOf: byPerson }),
    ssoStart: budget(count, { name: 'sso-start', max: 60, seconds: 3600, keyOf: byAddress }),
    /** Decisions of somebody an IdP identified, in whatever flows. */
    external: budget(count, { name: 'external', max: 10, seconds: 3600, keyOf: byPerson }),
    /** Every time a token is shown to our own routes, also one that is none. */
    bearer: budget(count, { name: 'bearer', max: 60, seconds: 60, keyOf: byToken }),
    decision: budget(count, { name: 'decision', max: 10, seconds: 3600, keyOf: byCaller })
  }
}

export type Budgets = ReturnType<typeof openBudgets>

type Limit<Counted> = { name: string; max: number; seconds: number; keyOf: (counted: Counted) => string }

const budget =
  <Counted>(count: Count, { name, max, seconds, keyOf }: Limit<Counted>): Budget<Counted> =>
  async (counted) => {
    // Each limit has keys of its own.
    const { used, leftMs } = await count(`${name}:${keyOf(counted)}`, seconds * 1000)
    if (used > max) throw tooMany(leftMs)
  }

export const tooMany = (leftMs: number) =>
  new ReportedError('too_many_requests', 'Too many attempts. Wait a little, then try again.', {
    retry_after_seconds: Math.max(1, Math.ceil(leftMs / 1000))
  })
