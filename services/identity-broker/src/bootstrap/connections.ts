import { isDeepStrictEqual } from 'node:util'
import { ReportedError } from '@onbehalf/errors'
import type { Vault } from '@onbehalf/vault'
import { newSettings } from '../connections/apply-change.ts'
import { checkSettings } from '../connections/check.ts'
import { connectionEvent } from '../connections/event.ts'
import { settingsOf } from '../connections/settings.ts'
import type { NewConnection } from '../connections/shapes.ts'
import { connectionStore, connectionWrites } from '../connections/store.ts'
import { changedFields } from '../connections/update.ts'
import { type Written, writeConnection } from '../connections/write.ts'
import type { Writing } from '../database.ts'

/** Brings a connection to what the file says. Its IdP is not asked: it may come up later than we do. */
export const applyConnection = async (
  db: Writing,
  vault: Vault,
  tenant_id: string,
  given: NewConnection
): Promise<Written> => {
  const store = connectionWrites(db)
  const stored = await store.lockByName(tenant_id, given.name)
  if (stored && stored.kind !== (given.kind ?? 'oidc'))
    throw new ReportedError('invalid_request', `The connection "${given.name}" is of another kind already.`)
  const settings = newSettings(given)
  checkSettings(settings, given)
  const audit = { tenant_id, actor: { kind: 'system' } } as const
  if (!stored) {
    const written = await writeConnection({ store, vault }, { tenant_id, stored, settings })
    await store.record(connectionEvent(audit, 'created', written.connection.id, { fields: Object.keys(given) }))
    return written
  }
  const secret = await connectionStore(db, vault).secretOf(stored)
  const held = settingsOf(stored, secret ?? null)
  const next = settings.issuer === held.issuer ? withLearned(settings, held.token_endpoint) : settings
  if (isDeepStrictEqual(next, held)) return { connection: stored, ended: [] }
  const written = await writeConnection({ store, vault }, { tenant_id, stored, settings: next })
  const details = { fields: changedFields(held, next), grants_ended: written.ended.length }
  await store.record(connectionEvent(audit, 'updated', stored.id, details))
  return written
}

/** What discovery told is not in the file. */
const withLearned = (settings: ReturnType<typeof newSettings>, token_endpoint: string | null) =>
  settings.kind === 'oidc' ? { ...settings, token_endpoint } : settings
