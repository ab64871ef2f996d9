import { type AuditEvent, recordAudit } from '@onbehalf/service-kit'
import type { Kysely } from 'kysely'
import type { Database } from '../../database.ts'
import type { PresentedCredential } from '../credential.ts'

/** Notes why a credential is not renewed; on record once, however often it is tried, until it is renewed or another one comes. */
export const refusedStore = (db: Kysely<Database>) => ({
  note: ({ id, tenant_id, provider_id, generation }: PresentedCredential, reason: string): Promise<void> =>
    db.transaction().execute(async (transaction) => {
      const row = await transaction
        .updateTable('oauth_credential')
        .set({ refused_reason: reason })
        .where('id', '=', id)
        .where('generation', '=', generation)
        .where('dead_reason', 'is', null)
        .where('refused_reason', 'is distinct from', reason)
        .returning('user_id')
        .executeTakeFirst()
      if (row) await recordAudit(transaction, refusedEvent({ tenant_id, provider_id, ...row }, reason))
    })
})

const refusedEvent = (
  { tenant_id, provider_id, user_id }: Pick<PresentedCredential, 'tenant_id' | 'provider_id' | 'user_id'>,
  reason: string
): AuditEvent => ({
  ...{ tenant_id, actor: { kind: 'system' }, action: 'credential.refused' },
  subject: { kind: 'provider', id: provider_id },
  details: { holder: user_id === null ? 'tenant' : 'user', reason }
})
