import { isDeepStrictEqual } from 'node:util'
import { ReportedError } from '@onbehalf/errors'
import { hashOf, recordAudit } from '@onbehalf/service-kit'
import { appEvent } from '../apps/event.ts'
import { keyEvent } from '../apps/keys.ts'
import { apiKeyStore } from '../apps/store.ts'
import type { ApiKey, App, Writing } from '../database.ts'

type AppEntry = { name: string; key: string; key_name: string; act_for: ApiKey['act_for']; listed: string[] }

/** Brings an app and its key to what the file says; whether a running replica may hold what was changed. */
export const applyApp = async (
  db: Writing,
  tenant_id: string,
  given: AppEntry
): Promise<{ app: App; isMoved: boolean }> => {
  if (!/^obk_[A-Za-z0-9_-]{43}$/.test(given.key))
    throw new ReportedError('invalid_request', `${given.key_name} must be obk_ and 43 characters of base64url.`)
  const store = apiKeyStore(db)
  const audit = { tenant_id, actor: { kind: 'system' } } as const
  const { app, isNew } = await store.putApp(tenant_id, given.name)
  if (isNew) await recordAudit(db, appEvent(audit, 'created', app.id, ['name']))
  const { act_for, listed } = given
  const settings = { act_for, listed, set_by_kind: 'system', set_by_id: null, set_by_role: null } as const
  const key_hash = hashOf(given.key)
  const held = await store.lockKey(app, key_hash)
  const details = { act_for, fields: ['act_for', 'listed'] }
  if (!held) {
    const id = await store.addKey({
      tenant_id,
      app_id: app.id,
      key_hash,
      prefix: given.key.slice(0, 8),
      ...settings
    })
    await recordAudit(db, keyEvent({ audit }, 'created', app, id, details))
    return { app, isMoved: false }
  }
  const { set_by_kind, set_by_id, set_by_role } = held
  if (isDeepStrictEqual({ act_for: held.act_for, listed: held.listed, set_by_kind, set_by_id, set_by_role }, settings))
    return { app, isMoved: false }
  await store.setKey(held.id, settings)
  await recordAudit(db, keyEvent({ audit }, 'updated', app, held.id, details))
  return { app, isMoved: true }
}
