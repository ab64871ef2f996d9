import type { Role } from '@onbehalf/contracts'
import { type AuditEvent, newId, recordAudit } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'
import type { Database, Link, Writing } from '../database.ts'
import { rolesAmong } from '../members/roles-store.ts'

export type LinkStore = ReturnType<typeof linkStore>

export type NewLink = Pick<Link, 'tenant_id' | 'app_id' | 'external_id' | 'user_id' | 'allowed_by' | 'allowed_by_role'>
type Linked = Pick<Link, 'allowed_by' | 'allowed_by_role'> & {
  id: string
  role: Role | null
  allower_role: Role | null
}
type Filter = { app_id?: string; user_id?: string; external_id?: string; search?: string }

/** Which of our users an app's own id of a user means. */
export const linkStore = (db: Kysely<Database>) => ({
  transaction: <Result>(work: (store: LinkWrites) => Promise<Result>): Promise<Result> =>
    db.transaction().execute((transaction) => work(linkWrites(transaction))),

  /** Who is linked, and who let it be so, each with the role they have now. */
  userOf: (
    { tenant_id, app_id }: Pick<Link, 'tenant_id' | 'app_id'>,
    external_id: string
  ): Promise<Linked | undefined> =>
    db
      .selectFrom('link')
      .leftJoin('member', 'member.user_id', 'link.user_id')
      .leftJoin('member as allower', 'allower.user_id', 'link.allowed_by')
      .select(['link.user_id as id', 'member.role', 'link.allowed_by', 'link.allowed_by_role'])
      .select('allower.role as allower_role')
      .where('link.tenant_id', '=', tenant_id)
      .where('link.app_id', '=', app_id)
      .where('link.external_id', '=', external_id)
      .executeTakeFirst(),

  find: (tenant_id: string, id: string): Promise<Link | undefined> =>
    db.selectFrom('link').selectAll().where('tenant_id', '=', tenant_id).where('id', '=', id).executeTakeFirst(),

  /** The newest first, those before `cursor`; `search` is any part of the external id, or of the user's e-mail or name. */
  page: (tenant_id: string, { search, cursor, limit, ...exact }: Filter & { cursor?: string; limit: number }) => {
    let query = db
      .selectFrom('link')
      .innerJoin('app', 'app.id', 'link.app_id')
      .innerJoin('user', 'user.id', 'link.user_id')
      .selectAll('link')
      .select(['app.name as app_name', 'user.email', 'user.name as user_name'])
      .where('link.tenant_id', '=', tenant_id)
    if (exact.app_id !== undefined) query = query.where('link.app_id', '=', exact.app_id)
    if (exact.user_id !== undefined) query = query.where('link.user_id', '=', exact.user_id)
    if (exact.external_id !== undefined) query = query.where('link.external_id', '=', exact.external_id)
    if (cursor !== undefined) query = query.where('link.id', '<', cursor)
    if (search !== undefined) {
      const like = `%${search.replace(/[\\%_]/g, '\\$&')}%`
      query = query.where((where) =>
        where.or([
          where('link.external_id', 'ilike', like),
          where('user.email', 'ilike', like),
          where('user.name', 'ilike', like)
        ])
      )
    }
    return query.orderBy('link.id', 'desc').limit(limit).execute()
  },

  /** How many links of a user were ended; undefined where there is no such user. */
  endedOf: async (tenant_id: string, user_id: string): Promise<number | undefined> =>
    (await endedRow(db, tenant_id, user_id).executeTakeFirst())?.links_ended,

  /** Whether this call removed it. It counts first: a code that is redeemed at this moment waits, or is waited for. */
  remove: ({ tenant_id, id, user_id }: Link, event: AuditEvent): Promise<boolean> =>
    db.transaction().execute(async (transaction) => {
      await transaction
        .updateTable('user')
        .set({ links_ended: sql`links_ended + 1` })
        .where('tenant_id', '=', tenant_id)
        .where('id', '=', user_id)
        .execute()
      const { numDeletedRows } = await transaction
        .deleteFrom('link')
        .where('tenant_id', '=', tenant_id)
        .where('id', '=', id)
        .where('user_id', '=', user_id)
        .executeTakeFirst()
      if (numDeletedRows > 0n) await recordAudit(transaction, event)
      return numDeletedRows > 0n
    }),

  record: (event: AuditEvent): Promise<void> => recordAudit(db, event)
})

const endedRow = (db: Kysely<Database>, tenant_id: string, user_id: string) =>
  db.selectFrom('user').select('links_ended').where('tenant_id', '=', tenant_id).where('id', '=', user_id)

export type LinkWrites = ReturnType<typeof linkWrites>

const linkWrites = (transaction: Writing) => ({
  /** The links of these external ids, held until the transaction ends. */
  lock: (app_id: string, externalIds: readonly string[]): Promise<Link[]> =>
    transaction
      .selectFrom('link')
      .selectAll()
      .where('app_id', '=', app_id)
      .where('external_id', 'in', externalIds)
      .orderBy('external_id')
      .forUpdate()
      .execute(),

  rolesAmong: rolesAmong(transaction),

  /** The same as `endedOf`; none is ended from now on until the transaction ends. */
  holdEnded: async (tenant_id: string, user_id: string): Promise<number | undefined> =>
    (await endedRow(transaction, tenant_id, user_id).forShare().executeTakeFirst())?.links_ended,

  /** Puts the link in the place of what its external id was linked to. */
  put: (link: NewLink): Promise<Link> =>
    transaction
      .insertInto('link')
      .values({ id: newId(), ...link })
      .onConflict((conflict) =>
        conflict.columns(['app_id', 'external_id']).doUpdateSet({
          user_id: (eb) => eb.ref('excluded.user_id'),
          allowed_by: (eb) => eb.ref('excluded.allowed_by'),
          allowed_by_role: (eb) => eb.ref('excluded.allowed_by_role'),
          updated_at: (eb) => eb.fn<Date>('now')
        })
      )
      .returningAll()
      .executeTakeFirstOrThrow(),

  /** Those of the links whose external ids were free until now. */
  insert: (links: readonly NewLink[]): Promise<Link[]> =>
    transaction
      .insertInto('link')
      .values(links.map((link) => ({ id: newId(), ...link })))
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .execute(),

  record: (events: readonly AuditEvent[]): Promise<void> => recordAudit(transaction, ...events)
})
