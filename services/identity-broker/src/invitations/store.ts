import { type AuditEvent, newId, recordAudit } from '@onbehalf/service-kit'
import { type Insertable, type Kysely, sql } from 'kysely'
import type { Database, Invitation } from '../database.ts'

export type InvitationStore = ReturnType<typeof invitationStore>

type NewInvitation = Pick<
  Insertable<Database['invitation']>,
  'tenant_id' | 'email' | 'role' | 'token_hash' | 'invited_by' | 'expires_at'
>

export const invitationStore = (db: Kysely<Database>) => ({
  insert: (invitation: NewInvitation, eventOf: (id: string) => AuditEvent): Promise<Invitation> =>
    db.transaction().execute(async (transaction) => {
      const stored = await transaction
        .insertInto('invitation')
        .values({ id: newId(), ...invitation })
        .returningAll()
        .executeTakeFirstOrThrow()
      await recordAudit(transaction, eventOf(stored.id))
      return stored
    }),

  /** The newest first, those before `cursor`. */
  page: (tenant_id: string, { cursor, limit }: { cursor?: string; limit: number }): Promise<Invitation[]> =>
    db
      .selectFrom('invitation')
      .selectAll()
      .where('tenant_id', '=', tenant_id)
      .$if(cursor !== undefined, (query) => query.where('id', '<', cursor ?? ''))
      .orderBy('id', 'desc')
      .limit(limit)
      .execute(),

  /** The invitation a link leads to, with its tenant and the ways to sign in there. */
  findByToken: async (token_hash: string) => {
    const invitation = await db
      .selectFrom('invitation')
      .innerJoin('tenant', 'tenant.id', 'invitation.tenant_id')
      .selectAll('invitation')
      .select(['tenant.slug as tenant_slug', 'tenant.name as tenant_name'])
      .where('token_hash', '=', token_hash)
      .executeTakeFirst()
    if (!invitation) return undefined
    const connections = await db
      .selectFrom('connection')
      .select('name')
      .where('tenant_id', '=', invitation.tenant_id)
      .orderBy('created_at')
      .execute()
    return { ...invitation, connections: connections.map(({ name }) => name) }
  },

  /** Whether this call took it back; undefined where the tenant has none of that id. */
  revoke: (tenant_id: string, id: string, event: AuditEvent): Promise<boolean | undefined> =>
    db.transaction().execute(async (transaction) => {
      const held = await transaction
        .selectFrom('invitation')
        .select(['accepted_at', 'revoked_at'])
        .where('tenant_id', '=', tenant_id)
        .where('id', '=', id)
        .forUpdate()
        .executeTakeFirst()
      if (!held) return undefined
      if (held.accepted_at || held.revoked_at) return false
      await transaction.updateTable('invitation').set({ revoked_at: sql<Date>`now()` }).where('id', '=', id).execute()
      await recordAudit(transaction, event)
      return true
    })
})
