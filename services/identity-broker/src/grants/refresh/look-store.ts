import type { Progress } from '@onbehalf/lease'
import type { RunPrepared } from '@onbehalf/service-kit'
import type { Grant } from '../../database.ts'
import { isUndone, itemStatement, rowColumn } from '../../together/items-store.ts'
import { together } from '../../together/together.ts'
import type { MintedToken, Refusal, Want } from './minted-token.ts'
import { skewSeconds } from './token-store.ts'

/** A grant at one moment: how far its refresh is, and what is kept for a want. The token is sealed, in base64. */
export type Seen = {
  progress: Progress
  owner: Pick<Grant, 'tenant_id' | 'user_id' | 'connection_id'>
  kept: MintedToken | null
  refusal: Refusal | null
}

const millisecondsTo = (time: string) => `greatest(0, coalesce(extract(epoch from ${time} - now()) * 1000, 0))`

const columns = 'id uuid, audience text, mode text, scopes text'

/** `Seen` of the row of "grant" for the want in `given`, over `keptTables`. */
export const seenColumn = `json_build_object(
    'owner', json_build_object('tenant_id', tenant_id, 'user_id', user_id, 'connection_id', connection_id),
    'progress', json_build_object(
      'generation', "grant".generation, 'attempt', attempt, 'isDead', dead_reason is not null,
      'owner', lease_owner, 'leaseMs', ${millisecondsTo('lease_until')}, 'backoffMs', ${millisecondsTo('backoff_until')}),
    'kept', case when kept.grant_id is not null then json_build_object(
      'token', encode(kept.token, 'base64'), 'token_hash', kept.token_hash, 'jti', kept.jti,
      'generation', kept.generation, 'expires_at', floor(extract(epoch from kept.expires_at))) end,
    'refusal', case when refusal.grant_id is not null then json_build_object(
      'code', refusal.code, 'message', refusal.message, 'connection_revision', connection_revision) end
  )`

export const keptTables = `
  left join minted_token as kept
    on kept.grant_id = "grant".id and kept.audience = given.audience and kept.mode = given.mode
      and kept.scopes = given.scopes and dead_reason is null
      and kept.expires_at > now() + interval '${skewSeconds} seconds'
  left join refusal
    on refusal.grant_id = "grant".id and refusal.audience = given.audience and refusal.mode = given.mode
      and refusal.scopes = given.scopes and refusal.epoch = "grant".epoch
      and connection_revision = (select revision from connection where connection.id = connection_id)`

const text = () => `select number, ${seenColumn} as row from given join "grant" using (id) ${keptTables}`

/**
 * Looks at a grant; null where there is none. A refusal holds until a sign-in, an emptying or an edit of the connection
 * comes after it.
 */
export const lookStore = (run: RunPrepared) =>
  together(
    itemStatement<Want & { id: string }, Seen>(run, { name: 'look at a grant', columns, text, rowOf: rowColumn }),
    { isUndone }
  )
