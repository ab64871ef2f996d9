import { isDeepStrictEqual } from 'node:util'
import type { Role } from '@onbehalf/contracts'
import type { AuditContext } from '@onbehalf/service-kit'
import type { Connection } from '../database.ts'
import { applyChange, keepsSecret, usesSecret } from './apply-change.ts'
import { checkPlaces, checkSettings } from './check.ts'
import type { Desk } from './desk.ts'
import { connectionEvent } from './event.ts'
import { invalid, noSuchConnection, refuseTaken } from './problems.ts'
import { requireRightOver } from './rights.ts'
import { isMoved, leadsTo, type Settings, settingsOf } from './settings.ts'
import type { ConnectionChange } from './shapes.ts'
import type { ConnectionWrites } from './store.ts'
import { type Written, writeConnection } from './write.ts'

type Asker = { role: Role | null; audit: AuditContext }
type Asked = { id: string; change: ConnectionChange }

/** Changes what is named. Where the connection leads elsewhere then, its grants end and its secret is to be given anew. */
export const updateConnection = async (desk: Desk, asker: Asker, { id, change }: Asked): Promise<Connection> => {
  const { connections, vault, announce } = desk
  const { tenant_id } = asker.audit
  const stored = await connections.find(tenant_id, id)
  if (!stored) throw noSuchConnection()
  const before = settingsOf(stored, (await connections.secretOf(stored)) ?? null)
  const next = await nextSettings(desk, before, change)
  if (isDeepStrictEqual(next, before)) return stored
  const { connection, ended } = await connections
    .transaction(async (store) => {
      if (leadsTo(before) !== leadsTo(next)) await requireRightOver(store, id, asker.role)
      const written = await writeConnection({ store, vault }, { tenant_id, stored, settings: next })
      await record(store, asker.audit, { before, next, written })
      return written
    })
    .catch(refuseTaken)
  await announce('connection', id)
  await announce('grant', ...ended)
  return connection
}

/** What the settings would be after the change, checked. */
export const nextSettings = async (
  { egress }: Pick<Desk, 'egress'>,
  before: Settings,
  change: ConnectionChange
): Promise<Settings> => {
  const merged = applyChange(before, change)
  const leavesSecret = isMoved(before, merged) && keepsSecret(before, change)
  if (leavesSecret && usesSecret(merged))
    throw invalid('client_secret', 'must be given anew: it was stored for another issuer or endpoint')
  const next = leavesSecret ? { ...merged, client_secret: null } : merged
  checkSettings(next, change)
  return checkPlaces(egress, next, before)
}

type Change = { before: Settings; next: Settings; written: Written }

const record = (store: ConnectionWrites, audit: AuditContext, { before, next, written }: Change) => {
  const { connection, ended } = written
  const fields = changedFields(before, next)
  return store.record(connectionEvent(audit, 'updated', connection.id, { fields, grants_ended: ended.length }))
}

/** The names of what is another now. */
export const changedFields = (before: Settings, next: Settings): string[] =>
  Object.entries(next)
    .filter(([name, value]) => !isDeepStrictEqual(value, Object.entries(before).find(([one]) => one === name)?.[1]))
    .map(([name]) => name)
