import { matches } from '@onbehalf/rpc'
import { defineScript } from '@onbehalf/service-kit'
import { type Static, Type } from '@sinclair/typebox'
import type { Redis } from 'ioredis'
import { orUnavailable } from '../redis/or-unavailable.ts'
import * as scripts from './scripts.ts'

const prefix = 'device-auth:'
const codeKey = (codeHash: string) => `${prefix}code:${codeHash}`
const userCodeKey = (userCodeHash: string) => `${prefix}user-code:${userCodeHash}`

/** What is held of a flow. Neither code and no token is in it. */
export type Flow = Static<typeof Flow>
const Flow = Type.Object({
  status: Type.Union([Type.Literal('pending'), Type.Literal('approved'), Type.Literal('denied')]),
  client_id: Type.String(),
  device_label: Type.String(),
  user_code_hash: Type.String(),
  created_ip: Type.String(),
  /** Milliseconds since the epoch. */
  created_at: Type.String(),
  /** What a flow begins with only where it was asked for. */
  code_challenge: Type.Optional(Type.String()),
  tenant_hint: Type.Optional(Type.String()),
  /** Seconds between two polls, where it is not what everybody begins with. */
  interval: Type.Optional(Type.String()),
  /** Set by the decision. */
  marker: Type.Optional(Type.String()),
  tenant_id: Type.Optional(Type.String()),
  user_id: Type.Optional(Type.String()),
  /** Of the IdP that identified them, where they are no member. */
  subject_issuer: Type.Optional(Type.String())
})

export type Polled = { outcome: 'unknown' | 'early' | 'pending' } | { outcome: 'approved' | 'denied'; flow: Flow }

export type Poll = { codeHash: string; client_id: string; challenge: string; marker: string }

export type Decision = {
  codeHash: string
  status: 'approved' | 'denied'
  marker: string
  tenant_id: string
  user_id: string
  subject_issuer?: string
}

const Decided = Type.Union([Type.Literal('done'), Type.Literal('missing'), Type.Literal('resolved')])
const Fields = Type.Array(Type.String())
const Word = Type.Tuple([Type.Union([Type.Literal('unknown'), Type.Literal('early'), Type.Literal('pending')])])
const Taken = Type.Tuple([Type.Union([Type.Literal('approved'), Type.Literal('denied')]), Fields])
const Read = Type.Tuple([Fields, Type.Integer()])

// A decision is kept this long at least, so that a slow poller still learns of it.
const decidedLeastMs = 60_000
// Longer than making a token takes; too short would only mean that it is made again.
const leaseMs = 30_000

export type CodeStore = ReturnType<typeof codeStore>

/** The flows under way, in Redis; each ends by itself. */
export const codeStore = (redis: Redis) => {
  const create = defineScript(redis, scripts.create)
  const poll = defineScript(redis, scripts.poll)
  const spend = defineScript(redis, scripts.spend)
  const putBack = defineScript(redis, scripts.putBack)
  const decide = defineScript(redis, scripts.decide)
  const read = defineScript(redis, scripts.read)
  return {
    /** Whether the user code was free and now belongs to this flow. */
    reserve: async (userCodeHash: string, codeHash: string, seconds: number): Promise<boolean> =>
      (await orUnavailable(redis.set(userCodeKey(userCodeHash), codeHash, 'EX', seconds, 'NX'))) === 'OK',

    create: async (codeHash: string, flow: Flow, seconds: number): Promise<void> => {
      await orUnavailable(create(codeKey(codeHash), String(seconds * 1000), ...flat(flow)))
    },

    /** Notes the poll; of all that ask once it was approved, one takes the flow. */
    poll: async ({ codeHash, client_id, challenge, marker }: Poll): Promise<Polled> => {
      const args = [client_id, challenge, marker, String(leaseMs)]
      return polledOf(await orUnavailable(twice(() => poll(codeKey(codeHash), ...args))))
    },

    /** Ends a flow that was taken, for good; false when it is no longer that taker's. */
    spend: async (codeHash: string, marker: string): Promise<boolean> =>
      (await orUnavailable(twice(() => spend(codeKey(codeHash), marker, String(leaseMs))))) === 1,

    /** Lets another poll take the flow. */
    putBack: async (codeHash: string, marker: string): Promise<void> => {
      await orUnavailable(twice(() => putBack(codeKey(codeHash), marker)))
    },

    /** Moves a pending flow to its decision. Rejects as Redis does: the caller knows what not knowing means. */
    decide: async ({ codeHash, ...decision }: Decision): Promise<Static<typeof Decided>> => {
      const { status, marker, tenant_id, user_id, subject_issuer = '' } = decision
      const args = [status, marker, tenant_id, user_id, String(decidedLeastMs), subject_issuer]
      const word = await decide(codeKey(codeHash), ...args)
      if (matches(Decided, word)) return word
      throw new Error('a decision has an unknown outcome')
    },

    findByUserCode: (userCodeHash: string): Promise<string | null> =>
      orUnavailable(redis.get(userCodeKey(userCodeHash))),

    read: async (codeHash: string): Promise<{ flow: Flow; leftMs: number } | undefined> => {
      const reply = await orUnavailable(read(codeKey(codeHash)))
      if (!matches(Read, reply)) throw new Error('a flow cannot be read')
      const [fields, leftMs] = reply
      return fields.length === 0 ? undefined : { flow: flowOf(fields), leftMs }
    },

    forgetUserCode: async (userCodeHash: string): Promise<void> => {
      await orUnavailable(redis.del(userCodeKey(userCodeHash)))
    }
  }
}

// For steps that do no harm when they are done again: an answer that is late is not a step that failed.
const twice = <Value>(step: () => Promise<Value>): Promise<Value> => step().catch(step)

const shortOf = new Map<string, string>(Object.entries(scripts.shortNames))
const longOf = new Map([...shortOf].map(([long, short]) => [short, long]))

const flat = (flow: Flow): string[] =>
  Object.entries(flow).flatMap(([field, value]) => [shortOf.get(field) ?? field, value])

const flowOf = (fields: readonly string[]): Flow => {
  const entries = fields.flatMap((field, index) =>
    index % 2 === 0 ? [[longOf.get(field) ?? field, fields[index + 1]]] : []
  )
  const flow: unknown = Object.fromEntries(entries)
  if (matches(Flow, flow)) return flow
  throw new Error('a flow is not as it was stored')
}

const polledOf = (reply: unknown): Polled => {
  if (matches(Word, reply)) return { outcome: reply[0] }
  if (!matches(Taken, reply)) throw new Error('a poll has an unknown outcome')
  const [outcome, fields] = reply
  return { outcome, flow: flowOf(fields) }
}
