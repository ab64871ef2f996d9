import type { AuditContext, AuditEvent } from '@onbehalf/service-kit'
import type { Announce } from '../announce.ts'
import type { Link } from '../database.ts'
import type { LinkStore, NewLink } from './store.ts'

type Needs = { links: Pick<LinkStore, 'transaction'>; announce: Announce }

/** Makes the link that its user allowed, in the place of what the external id was linked to; undefined where they are gone. */
export type ActivateLink = (link: Omit<NewLink, 'allowed_by'>, by: AuditContext) => Promise<Link | undefined>

export const createActivation =
  ({ links, announce }: Needs): ActivateLink =>
  async (link, by) => {
    const { tenant_id, app_id, external_id, user_id } = link
    const done = await links.transaction(async (store) => {
      const known = await store.rolesAmong(tenant_id, [user_id])
      if (!known.has(user_id)) return undefined
      const [before] = await store.lock(app_id, [external_id])
      const made = await store.put({ ...link, allowed_by: user_id })
      await store.record([linkEvent(by, 'created', made)])
      return { made, before }
    })
    if (!done) return undefined
    await announce('user', ...new Set([user_id, done.before?.user_id ?? user_id]))
    return done.made
  }

export const linkEvent = (
  by: AuditContext,
  verb: 'created' | 'imported' | 'removed',
  { id, app_id, external_id, user_id }: Link
): AuditEvent => ({
  ...by,
  action: `link.${verb}`,
  subject: { kind: 'link', id },
  details: { app_id, external_id, user_id }
})
