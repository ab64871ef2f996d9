import { ReportedError } from '@onbehalf/errors'
import { type AuditEvent, hashOf, newId, recordAudit } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import type { Kysely, Transaction } from 'kysely'
import type { CredentialRow, Database } from '../database.ts'
import { type AccessToken, type PresentedCredential, tokenPlace } from './credential.ts'
import { keepRevocation } from './revocations/store.ts'
import { covers } from './scopes.ts'
import { lifeColumns, rowsOf, unleased } from './store.ts'

export type BroughtStore = ReturnType<typeof broughtStore>

/** What an authorization brought. */
export type BroughtCredential = Omit<PresentedCredential, 'id' | 'generation'> & {
  /** What was asked for; `scope` is what was given. */
  asked_scope: string
  refresh_token: string | null
  access: AccessToken
}

/** The revision of the provider that it was brought for, and what is put on record. */
type BroughtFor = { revision: number; event: AuditEvent }

const roundsMax = 3

/** Where what authorizations bring is put. */
export const broughtStore = (db: Kysely<Database>, vault: Pick<Vault, 'seal'>) => ({
  /**
   * Puts it in the place of whatever the holder had, which is taken back where it is of another issuer or client; false
   * where the provider was changed since, so that it may be for another server, or for nobody.
   */
  put: async (brought: BroughtCredential, given: BroughtFor): Promise<boolean> => {
    for (let round = 0; round < roundsMax; round += 1) {
      const seen = await rowsOf(db, brought).executeTakeFirst()
      const row = await sealedFor(vault, brought, seen)
      const outcome = await db.transaction().execute((transaction) => putOnce(transaction, { row, seen, ...given }))
      if (outcome !== 'raced') return outcome === 'stored'
    }
    throw new ReportedError('conflict', 'Several authorizations ended at the same moment. Try again.')
  }
})

/** Sealed for the generation that comes after the one that was seen. */
const sealedFor = async (
  vault: Pick<Vault, 'seal'>,
  { refresh_token: refresh, access, asked_scope, ...bound }: BroughtCredential,
  seen: CredentialRow | undefined
) => {
  const place = { ...bound, id: seen?.id ?? newId(), generation: (seen?.generation ?? 0) + 1 }
  return {
    ...{ ...place, ...unleased, attempt: 0, wanted_scope: null, dead_reason: null, refused_reason: null },
    withheld_scope: covers(bound.scope, asked_scope) ? null : asked_scope,
    refresh_token: refresh === null ? null : await vault.seal(refresh, tokenPlace(place, 'refresh_token')),
    access_token: await vault.seal(access.token, tokenPlace(place, 'access_token')),
    ...{ access_token_hash: hashOf(access.token), ...lifeColumns(access) }
  }
}

type Put = BroughtFor & { row: Awaited<ReturnType<typeof sealedFor>>; seen: CredentialRow | undefined }

/** `raced` where another one came meanwhile. */
const putOnce = async (
  transaction: Transaction<Database>,
  { row, seen, revision, event }: Put
): Promise<'stored' | 'raced' | 'changed'> => {
  // First the provider's row, as whoever changes it does.
  if (!(await lockProvider(transaction, row, revision))) return 'changed'
  if (!(await (seen ? replace(transaction, seen, row) : insert(transaction, row)))) return 'raced'
  await transaction
    .updateTable('provider')
    .set({ authorization_issuer: row.issuer })
    .where('id', '=', row.provider_id)
    .execute()
  await recordAudit(transaction, event)
  return 'stored'
}

const lockProvider = (transaction: Transaction<Database>, { tenant_id, provider_id }: Put['row'], revision: number) =>
  transaction
    .selectFrom('provider')
    .select('id')
    .where('tenant_id', '=', tenant_id)
    .where('id', '=', provider_id)
    .where('revision', '=', revision)
    .forUpdate()
    .executeTakeFirst()

const replace = async (
  transaction: Transaction<Database>,
  { id, generation, issuer, client_id }: CredentialRow,
  row: Put['row']
): Promise<boolean> => {
  const held = await transaction
    .selectFrom('oauth_credential')
    .select('id')
    .where('id', '=', id)
    .where('generation', '=', generation)
    .forUpdate()
    .executeTakeFirst()
  if (!held) return false
  // What the same client got of the same server may share that server's own grant with what came now.
  if (issuer !== row.issuer || client_id !== row.client_id) await keepRevocation(transaction, { id })
  await transaction.updateTable('oauth_credential').set(row).where('id', '=', id).execute()
  return true
}

const insert = async (transaction: Transaction<Database>, row: Put['row']): Promise<boolean> => {
  const { numInsertedOrUpdatedRows: inserted } = await transaction
    .insertInto('oauth_credential')
    .values(row)
    .onConflict((conflict) => conflict.constraint('oauth_credential_once').doNothing())
    .executeTakeFirstOrThrow()
  return inserted === 1n
}
