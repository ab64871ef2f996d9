import { type RawBuilder, sql } from 'kysely'
import type { Connection } from '../database.ts'

/** A session at a connection's IdP, one of its people, or a person in a session. */
export type InIdpSession = Pick<Connection, 'id'> & { sub?: string; sid?: string }

/** Rows of `session` or `grant` that came out of it. */
export const inIdpSession = ({ id, sub, sid }: InIdpSession): RawBuilder<boolean> => {
  const person = sql`user_id in (select id from "user" where connection_id = ${id} and subject = ${sub ?? ''})`
  const conditions = [
    sql`connection_id = ${id}`,
    ...(sid === undefined ? [] : [sql`idp_session = ${sid}`]),
    ...(sub === undefined ? [] : [person])
  ]
  return sql<boolean>`${sql.join(conditions, sql` and `)}`
}
