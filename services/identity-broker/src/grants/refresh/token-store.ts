import type { Vault } from '@onbehalf/vault'
import { type Kysely, sql } from 'kysely'
import type { Database, Grant } from '../../database.ts'
import { mintedTokenPlace } from '../place.ts'
import type { MintedToken, Want } from './minted-token.ts'

/** A token this close to its end is not handed out: the call it is for takes time too. */
export const skewSeconds = 30

const keyColumns = ['grant_id', 'audience', 'mode', 'scopes'] as const

export type TokenStore = ReturnType<typeof tokenStore>

/** The tokens that are kept for the wants of a grant, encrypted. */
export const tokenStore = (db: Kysely<Database>, vault: Vault) => ({
  find: async (id: string, { audience, mode, scopes }: Want): Promise<MintedToken | undefined> => {
    const row = await db
      .selectFrom('minted_token')
      .innerJoin('grant', 'grant.id', 'minted_token.grant_id')
      .select(['tenant_id', 'user_id', 'connection_id'])
      .select(['token', 'token_hash', 'jti', 'expires_at', 'minted_token.generation'])
      .where('grant_id', '=', id)
      .where('audience', '=', audience)
      .where('mode', '=', mode)
      .where('scopes', '=', scopes)
      .where('dead_reason', 'is', null)
      .where('expires_at', '>', sql<Date>`now() + ${sql.lit(`${skewSeconds} seconds`)}::interval`)
      .executeTakeFirst()
    if (!row) return undefined
    const token = await vault.open(row.token, mintedTokenPlace({ id, ...row }, { audience, mode, scopes }))
    const { jti, token_hash, generation } = row
    return { token, token_hash, jti, generation, expires_at: Math.floor(row.expires_at.getTime() / 1000) }
  },

  /** Keeps a token of this grant. */
  keep: async (
    grant: Grant,
    want: Want,
    { token, token_hash, jti, expires_at }: Omit<MintedToken, 'generation'>
  ): Promise<void> => {
    const { id: grant_id, generation } = grant
    const expiry = new Date(expires_at * 1000)
    const sealed = await vault.seal(token, mintedTokenPlace(grant, want))
    const row = { grant_id, ...want, token: sealed, token_hash, jti, generation, expires_at: expiry }
    await db
      .insertInto('minted_token')
      .values(row)
      .onConflict((conflict) => conflict.columns(keyColumns).doUpdateSet({ ...row, issued_at: sql`now()` }))
      .execute()
  },

  /**
   * Keeps a token that was got for this grant without its refresh token; answers with the grant's generation. Undefined,
   * and nothing is kept, where its tokens were emptied, or it ended or was given anew, since it was read.
   */
  keepFor: (
    { id, epoch }: Pick<Grant, 'id' | 'epoch'>,
    want: Want,
    token: Omit<MintedToken, 'generation'>
  ): Promise<number | undefined> =>
    db.transaction().execute(async (transaction) => {
      const current = await transaction
        .selectFrom('grant')
        .selectAll()
        .where('id', '=', id)
        .where('epoch', '=', epoch)
        .where('dead_reason', 'is', null)
        // An emptying that comes now waits, and then finds what is kept here.
        .forShare()
        .executeTakeFirst()
      if (current) await tokenStore(transaction, vault).keep(current, want, token)
      return current?.generation
    }),

  /** Drops a kept token the MCP server did not accept, if it is this one and older than `ageSeconds`. */
  dropRejected: async (
    id: string,
    { audience, mode, scopes }: Want,
    { hash, ageSeconds }: { hash: string; ageSeconds: number }
  ): Promise<void> => {
    await db
      .deleteFrom('minted_token')
      .where('grant_id', '=', id)
      .where('audience', '=', audience)
      .where('mode', '=', mode)
      .where('scopes', '=', scopes)
      .where('token_hash', '=', hash)
      .where('issued_at', '<', sql<Date>`now() - ${`${ageSeconds} seconds`}::interval`)
      .execute()
  }
})
