import { randomBytes } from 'node:crypto'
import { defaultKeyScopes, type Role } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type AuditContext, hashOf } from '@onbehalf/service-kit'
import type { Announce } from '../announce.ts'
import type { ApiKey, App } from '../database.ts'
import { mayLetActFor, refuseActFor } from '../members/rights.ts'
import type { RolesAmong } from '../members/roles-store.ts'
import type { AppStore } from './app-store.ts'
import { invalid } from './check.ts'
import type { KeyChange, NewKey } from './shapes.ts'

type Needs = { apps: AppStore; announce: Announce }
export type KeyAsker = { role: Role | null; audit: AuditContext }

/** Makes a key of an app, which is answered here and nowhere else: only its hash is kept. */
export const createKey = async ({ apps }: Pick<Needs, 'apps'>, asker: KeyAsker, app: App, given: NewKey) => {
  const { scopes = [...defaultKeyScopes], act_for = 'none', listed = [], expires_at = null } = given
  const settings = { act_for, listed, expires_at: endOf(expires_at) }
  await checkKey(apps.rolesAmong, asker, settings)
  const key = `obk_${randomBytes(32).toString('base64url')}`
  const { tenant_id, id: app_id } = app
  const row = {
    tenant_id,
    app_id,
    key_hash: hashOf(key),
    prefix: key.slice(0, 8),
    scopes,
    ...settings,
    ...setBy(asker)
  }
  const details = { scopes, act_for, fields: Object.keys(given) }
  const stored = await apps.insertKey(row, (id) => keyEvent(asker, 'created', app, id, details))
  return { stored, key }
}

/** Changes whom a key may act for, and until when; everywhere at once. */
export const changeKey = async (
  { apps, announce }: Needs,
  asker: KeyAsker,
  app: App,
  id: string,
  change: KeyChange
) => {
  const { expires_at, ...plain } = change
  const set = { ...plain, ...(expires_at === undefined ? {} : { expires_at: endOf(expires_at) }) }
  const stored = await apps.updateKey(app, id, async (held, rolesAmong) => {
    if (held.revoked_at) throw revoked()
    const next = { ...held, ...set }
    await checkKey(rolesAmong, asker, next)
    const details = { act_for: next.act_for, fields: Object.keys(change) }
    return {
      change: { ...set, ...(isSaid(asker, change) ? setBy(asker) : {}) },
      event: keyEvent(asker, 'updated', app, id, details)
    }
  })
  if (!stored) throw unknown()
  await announce('app', app.id)
  return stored
}

/** Ends a key, everywhere at once; doing it again changes nothing. */
export const revokeKey = async ({ apps, announce }: Needs, asker: KeyAsker, app: App, id: string): Promise<void> => {
  const held = await findKey(apps, app, id)
  if (await apps.revokeKey(held, keyEvent(asker, 'revoked', app, id))) await announce('app', app.id)
}

const findKey = async (apps: AppStore, app: App, id: string): Promise<ApiKey> => {
  const found = await apps.findKey(app, id)
  if (found) return found
  throw unknown()
}

const unknown = () => new ReportedError('not_found', 'There is no such API key.')

type Settings = Pick<ApiKey, 'act_for' | 'listed' | 'expires_at'>

const checkKey = async (rolesAmong: RolesAmong, asker: KeyAsker, { act_for, listed, expires_at }: Settings) => {
  const { role, audit } = asker
  if (act_for === 'any' && role !== 'owner')
    throw new ReportedError('forbidden', 'Only an owner lets an API key act for any user. Ask an owner.', {
      details: [{ path: 'act_for', message: 'is "any", which is for owners to set' }]
    })
  if (listed.length > 0 && act_for !== 'listed') throw invalid('listed', 'is for act_for "listed" only')
  if (expires_at && expires_at <= new Date()) throw invalid('expires_at', 'must lie in the future')
  const roles = await rolesAmong(audit.tenant_id, listed)
  const stranger = listed.findIndex((id) => !roles.has(id))
  if (stranger >= 0) throw invalid(`listed.${stranger}`, 'is not a user of your tenant')
  refuseActFor(
    listed.flatMap((id, index) => (mayLetActFor(asker, id, roles.get(id) ?? null) ? [] : [`listed.${index}`]))
  )
}

/** An owner who only moves the end of a key has not said whom it acts for; an admin who does answers for it as it is. */
const isSaid = ({ role }: KeyAsker, { act_for, listed }: KeyChange): boolean =>
  act_for !== undefined || listed !== undefined || role !== 'owner'

const setBy = ({ role, audit: { actor } }: KeyAsker): Pick<ApiKey, 'set_by_kind' | 'set_by_id' | 'set_by_role'> =>
  actor.kind === 'user'
    ? { set_by_kind: 'user', set_by_id: actor.id, set_by_role: role }
    : { set_by_kind: null, set_by_id: null, set_by_role: null }

const endOf = (given: string | null): Date | null => (given === null ? null : new Date(given))

const revoked = () => new ReportedError('conflict', 'This API key was revoked. Make another one.')

export const keyEvent = (
  { audit }: Pick<KeyAsker, 'audit'>,
  verb: 'created' | 'updated' | 'revoked',
  { id: app_id }: App,
  id: string,
  details: Readonly<Record<string, string | readonly string[]>> = {}
) => ({ ...audit, action: `api_key.${verb}`, subject: { kind: 'api_key', id }, details: { app_id, ...details } })
