import type { RunPrepared } from '@onbehalf/service-kit'
import { countedAgain } from '../../issuances/write-store.ts'
import { isUndone, itemStatement, rowColumn } from '../../together/items-store.ts'
import { together } from '../../together/together.ts'
import { lockedGrants } from './locked-store.ts'
import type { MintedToken, Refusal, Want } from './minted-token.ts'

/** Of a token's asker, where there is a record of it to be written. */
type Recorded = { record_id: string; record_hash: string; actor_kind: string; actor_id: string }

/** An answer under a lease: that one's generation and epoch. The next refresh token and the token are sealed, in base64. */
export type Answered = Want & {
  id: string
  generation: number
  epoch: number
  refresh_token: string
} & Partial<Recorded> &
  ((Omit<MintedToken, 'generation'> & { code?: undefined }) | (Refusal & { token?: undefined }))

const columns = `id uuid, generation integer, epoch integer, refresh_token text, audience text, mode text, scopes text,
  token text, token_hash text, jti text, expires_at float8, code text, message text, connection_revision integer,
  record_id uuid, record_hash text, actor_kind text, actor_id uuid`

const keptRefusals = `,
  kept_refusal as (
    insert into refusal (grant_id, audience, mode, scopes, code, message, connection_revision, epoch)
    select id, audience, mode, scopes, code, message, connection_revision, epoch
    from moved where epoch = epoch_now and code is not null
    on conflict (grant_id, audience, mode, scopes) do update set
      code = excluded.code, message = excluded.message, connection_revision = excluded.connection_revision,
      epoch = excluded.epoch, created_at = now()
  )`

const textWith = (more: string) => (rows: 'wait' | 'pass over') =>
  `,
  ${lockedGrants(rows)},
  moved as (
    update "grant" set
      refresh_token = decode(free.refresh_token, 'base64'), generation = "grant".generation + 1, attempt = 0,
      lease_owner = null, lease_until = null, sent_at = null, backoff_until = null, updated_at = now()
    from free
    where "grant".id = free.id and "grant".generation = free.generation and dead_reason is null
    returning free.*, "grant".epoch as epoch_now, "grant".generation as generation_now, tenant_id, user_id
  ),
  kept_token as (
    insert into minted_token (grant_id, audience, mode, scopes, token, token_hash, jti, generation, expires_at)
    select id, audience, mode, scopes, decode(token, 'base64'), token_hash, jti, generation_now, to_timestamp(expires_at)
    from moved where epoch = epoch_now and token is not null
    on conflict (grant_id, audience, mode, scopes) do update set
      token = excluded.token, token_hash = excluded.token_hash, jti = excluded.jti,
      generation = excluded.generation, issued_at = now(), expires_at = excluded.expires_at
  ),
  recorded as (
    insert into issuance
      (id, tenant_id, user_id, actor_kind, actor_id, grant_id, audience, mode, outcome, jti, token_hash, generation, expires_at)
    select distinct on (record_hash, actor_kind, actor_id)
      record_id, tenant_id, user_id, actor_kind, actor_id, id, audience, mode, 'issued', jti, record_hash,
      generation_now, to_timestamp(expires_at)
    from moved where epoch = epoch_now and token is not null and record_id is not null
    order by record_hash, actor_kind, actor_id
    on conflict (token_hash, actor_kind, actor_id) where token_hash is not null ${countedAgain}
  )${more}
  select free.number, epoch_now as row from free left join moved using (number)`

/**
 * Puts the next refresh token in place of the one of the lease's generation, and keeps what it brought with it: the epoch,
 * or null where the grant is at another generation. What was brought is kept, and on record, only in the lease's epoch.
 */
export const answerStore = (run: RunPrepared) => {
  const answersWith = (name: string, more: string) => {
    const text = textWith(more)
    return itemStatement<Answered, number>(run, { name, columns, text, rowOf: rowColumn, locks: true })
  }
  const tokens = answersWith('answer of a refresh', '')
  // Answers without a token are rare, and getting ready for one takes Postgres nearly a tenth of a statement.
  const withRefusals = answersWith('answer of a refresh with a refusal', keptRefusals)
  const keep: typeof tokens = (items, rows) =>
    (items.some(({ code }) => code !== undefined) ? withRefusals : tokens)(items, rows)
  return together(keep, { isUndone, keyOf: ({ id }) => id })
}
