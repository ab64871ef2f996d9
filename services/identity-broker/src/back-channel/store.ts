import { hashOf, recordAudit } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'
import type { Connection, Database, Writing } from '../database.ts'
import { grantWrites } from '../grants/store.ts'
import { type By, endIdpSessions } from '../sessions/store.ts'
import { type Logout, logoutTokenSeconds } from './logout-token.ts'

export type BackChannelStore = ReturnType<typeof backChannelStore>

/** What a logout ended. */
export type Ended = { sessions: string[]; grants: string[] }

export const backChannelStore = (db: Kysely<Database>) => ({
  /** Does all that a logout token says, on record, and remembers the token; undefined where it was shown before. */
  apply: (connection: Connection, { jti, ...whose }: Logout, by: By): Promise<Ended | undefined> =>
    db.transaction().execute(async (transaction) => {
      if (!(await remember(transaction, connection, jti))) return undefined
      const which = { id: connection.id, ...whose }
      const grants = await grantWrites(transaction).endInIdpSession(which)
      for (const { id, user_id } of grants)
        await recordAudit(transaction, {
          ...by,
          tenant_id: connection.tenant_id,
          actor: { kind: 'system' },
          action: 'grant.ended',
          subject: { kind: 'grant', id },
          details: { user_id, reason: 'idp_logout' }
        })
      const sessions = await endIdpSessions(transaction, which, { ...by, actor: { kind: 'system' } })
      return { sessions, grants: grants.map(({ id }) => id) }
    })
})

const remember = async (transaction: Writing, { id: connection_id }: Connection, jti: string): Promise<boolean> => {
  await transaction
    .deleteFrom('logout_token')
    .where('connection_id', '=', connection_id)
    .where(sql<boolean>`expires_at < now()`)
    .execute()
  // Longer than any token is taken, with room for two clocks that differ.
  const expires_at = sql<Date>`now() + make_interval(secs => ${2 * logoutTokenSeconds})`
  const { numInsertedOrUpdatedRows } = await transaction
    .insertInto('logout_token')
    .values({ connection_id, jti_hash: hashOf(jti), expires_at })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}
