import { matches } from '@onbehalf/rpc'
import { defineScript, hashOf } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import { Type } from '@sinclair/typebox'
import type { Redis } from 'ioredis'
import { Minted } from '../modes/mode.ts'
import type { MintKey } from './key.ts'

/** A token found, with how long ago it was certain that it holds. */
type Found = { minted: Minted; ageMs: number }
/** Where Redis does not answer, there is no time to keep a token under, and so none is kept. */
type Looked = { found: Found | undefined; lookedAt: number | undefined }

export type SharedTokens = ReturnType<typeof sharedTokens>

const prefix = 'identity-broker:minted:'
/** No layer uses a token longer without asking Postgres; the next one is fetched before. */
const freshMs = 15_000
/** Outlives every token that was kept before the emptying, and every fetch that had begun. */
const emptiedMs = 90_000

/**
 * Minted tokens for all replicas, in Redis: encrypted, for some seconds. What a token depends on is emptied by a note of
 * when; one whose fetch began before that is not given out, so an emptying needs to know no keys. Redis' own clock
 * counts. Without Redis nothing is found and nothing is kept.
 */
export const sharedTokens = (redis: Redis, vault: Vault) => {
  const look = defineScript(redis, lookScript)
  const keep = defineScript(redis, keepScript)
  const empty = defineScript(redis, emptyScript)
  return {
    look: async (key: MintKey): Promise<Looked> => {
      const answer = await look(nameOf(key), `${prefix}emptied:`, String(freshMs)).catch(() => undefined)
      if (!matches(Answer, answer)) return { found: undefined, lookedAt: undefined }
      const [lookedAt, startedAt, sealed, connection_id, generation] = answer
      if (startedAt === undefined || !sealed) return { found: undefined, lookedAt }
      const place = placeOf(key, startedAt, { connection_id, generation })
      const opened = vault.open(Buffer.from(sealed, 'base64'), place)
      const minted = read(await opened.catch(() => 'null'))
      return { found: minted && { minted, ageMs: lookedAt - startedAt }, lookedAt }
    },

    /** Keeps what was fetched after `lookedAt`. */
    keep: async (key: MintKey, minted: Minted, { tags, lookedAt }: { tags: readonly string[]; lookedAt: number }) => {
      const from = { connection_id: minted.connection_id ?? '', generation: String(minted.generation ?? '') }
      const sealed = await vault.seal(JSON.stringify(minted), placeOf(key, lookedAt, from))
      const fields = [String(lookedAt), tags.join(' '), sealed.toString('base64'), from.connection_id, from.generation]
      await keep(nameOf(key), String(freshMs), ...fields)
    },

    /** No token that depends on `tag` and was fetched, or began to be, until now is given out again. */
    empty: async (tag: string): Promise<void> => {
      await empty(`${prefix}emptied:${tag}`, String(emptiedMs))
    }
  }
}

/**
 * Redis' time in milliseconds, and where something was found, when its fetch began, what was sealed, and from which
 * connection and generation of a grant it was made; empty where it was made from none.
 */
const Answer = Type.Union([
  Type.Tuple([Type.Integer()]),
  Type.Tuple([Type.Integer(), Type.Integer(), Type.String(), Type.String(), Type.String()])
])

const read = (text: string): Minted | undefined => {
  const minted: unknown = JSON.parse(text)
  return matches(Minted, minted) ? minted : undefined
}

const nameOf = ({ tenant_id, user_id, audience, mode, scopes, revision }: MintKey): string =>
  prefix + hashOf(JSON.stringify([tenant_id, user_id, audience, mode, scopes, revision]))

type From = { connection_id: string | undefined; generation: string | undefined }

const placeOf = (key: MintKey, startedAt: number, { connection_id = '', generation = '' }: From) => ({
  ...{ ...key, table: 'redis', column: 'minted', row: startedAt },
  ...{ connection_id, generation }
})

const lookScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HMGET', KEYS[1], 'started', 'tags', 'sealed', 'connection', 'generation')
local started, tags, sealed, connection, generation = unpack(held)
if not started or now - started >= tonumber(ARGV[2]) then return { now } end
for tag in string.gmatch(tags, '%S+') do
  local emptied = redis.call('GET', ARGV[1] .. tag)
  if emptied and tonumber(emptied) >= tonumber(started) then return { now } end
end
return { now, tonumber(started), sealed, connection, generation }`

const keepScript = `
local _, started, tags, sealed, connection, generation = unpack(ARGV)
redis.call('HSET', KEYS[1], 'started', started, 'tags', tags, 'sealed', sealed)
redis.call('HSET', KEYS[1], 'connection', connection, 'generation', generation)
return redis.call('PEXPIRE', KEYS[1], ARGV[1])`

const emptyScript = `
local time = redis.call('TIME')
return redis.call('SET', KEYS[1], string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000)), 'PX', ARGV[1])`
