import type { Role } from '@onbehalf/contracts'
import { type AuditEvent, recordAudit } from '@onbehalf/service-kit'
import { type Kysely, sql } from 'kysely'
import { holdConnection } from '../connections/store.ts'
import type { Connection, Database, NewUser, Writing } from '../database.ts'
import { userStore } from '../users/store.ts'

export type AdmissionStore = ReturnType<typeof admissionStore>
export type AdmissionWrites = ReturnType<typeof writes>

/** What a sign-in changes of who belongs to the tenant. */
export const admissionStore = (db: Kysely<Database>) => ({
  transaction: <Result>(tenant_id: string, work: (store: AdmissionWrites) => Promise<Result>): Promise<Result> =>
    db.transaction().execute((transaction) => work(writes(transaction, tenant_id)))
})

const writes = (transaction: Writing, tenant_id: string) => ({
  holdConnection: (connection: Pick<Connection, 'id' | 'revision'>) => holdConnection(transaction, connection),

  /** The invitation with the role its inviter has now, held until the transaction ends. */
  lockInvitation: (id: string) =>
    transaction
      .selectFrom('invitation')
      .leftJoin('member as inviter', 'inviter.user_id', 'invitation.invited_by')
      .select([
        'invitation.id',
        'invitation.email',
        'invitation.role',
        'invitation.expires_at',
        'invitation.accepted_at',
        'invitation.revoked_at',
        'inviter.role as inviter_role'
      ])
      .where('invitation.tenant_id', '=', tenant_id)
      .where('invitation.id', '=', id)
      .forUpdate('invitation')
      .executeTakeFirst(),

  /** The user as the IdP describes them now; `isFirst` when they have never signed in before. */
  signIn: async (place: { tenant_id: string; connection_id: string }, person: NewUser) => {
    const user = await userStore(transaction).upsert(place, person)
    await transaction.updateTable('user').set({ signed_in_at: sql<Date>`now()` }).where('id', '=', user.id).execute()
    return { user, isFirst: user.signed_in_at === null }
  },

  /** The same of somebody who does not sign in here: their first sign-in is still to come. */
  identify: async (place: { tenant_id: string; connection_id: string }, person: NewUser) => {
    const user = await userStore(transaction).upsert(place, person)
    await transaction.updateTable('user').set({ identified_at: sql<Date>`now()` }).where('id', '=', user.id).execute()
    return user
  },

  isOurDomain: async (name: string): Promise<boolean> => {
    const found = await transaction
      .selectFrom('domain')
      .select('id')
      .where('tenant_id', '=', tenant_id)
      .where('name', '=', name)
      .where('verified_at', 'is not', null)
      .executeTakeFirst()
    return found !== undefined
  },

  lockRole: async (user_id: string): Promise<Role | undefined> => {
    const found = await transaction
      .selectFrom('member')
      .select('role')
      .where('user_id', '=', user_id)
      .forUpdate()
      .executeTakeFirst()
    return found?.role
  },
  putRole: (user_id: string, role: Role) => userStore(transaction).setRole(tenant_id, user_id, role),

  markAccepted: (id: string, user_id: string) =>
    transaction
      .updateTable('invitation')
      .set({ accepted_at: sql<Date>`now()`, accepted_by: user_id })
      .where('id', '=', id)
      .execute(),
  record: (event: AuditEvent) => recordAudit(transaction, event)
})
