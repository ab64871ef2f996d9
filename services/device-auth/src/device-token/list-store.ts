import { type Kysely, sql } from 'kysely'
import type { Database } from '../database.ts'

/** Live tokens of one tenant: a user's, or everybody's. */
export type Whose = { tenant_id: string; user_id?: string }

const shownColumns = [
  ...(['id', 'user_id', 'prefix', 'issuer', 'client_id', 'device_label'] as const),
  ...(['created_at', 'last_used_at', 'expires_at'] as const)
] as const

export type ListedToken = Pick<Database['device_token'], Exclude<(typeof shownColumns)[number], 'created_at'>> & {
  created_at: Date
}

export type TokenLists = ReturnType<typeof tokenLists>

export const tokenLists = (db: Kysely<Database>) => {
  const live = ({ tenant_id, user_id }: Whose) => {
    const query = db
      .selectFrom('device_token')
      .where('tenant_id', '=', tenant_id)
      .where('revoked_at', 'is', null)
      .where('expires_at', '>', sql<Date>`now()`)
    return user_id === undefined ? query : query.where('user_id', '=', user_id)
  }
  return {
    /** The newest first, those before `cursor`. */
    page: (whose: Whose, { limit, cursor }: { limit: number; cursor?: string }): Promise<ListedToken[]> => {
      const query = live(whose).select(shownColumns)
      const before = cursor === undefined ? query : query.where('id', '<', cursor)
      return before.orderBy('id', 'desc').limit(limit).execute()
    },
    find: (whose: Whose, id: string): Promise<ListedToken | undefined> =>
      live(whose).select(shownColumns).where('id', '=', id).executeTakeFirst(),
    /** The hash of a live token. */
    hashOf: async (whose: Whose, id: string): Promise<string | undefined> => {
      const row = await live(whose).select('token_hash').where('id', '=', id).executeTakeFirst()
      return row?.token_hash ?? undefined
    },
    /** The same by offset, as the reference's lists have it. */
    slice: (whose: Whose, { limit, offset }: { limit: number; offset: number }): Promise<ListedToken[]> =>
      live(whose).select(shownColumns).orderBy('id', 'desc').limit(limit).offset(offset).execute(),
    count: async (whose: Whose): Promise<number> => {
      const { n } = await live(whose).select(sql<number>`count(*)::int`.as('n')).executeTakeFirstOrThrow()
      return n
    }
  }
}
