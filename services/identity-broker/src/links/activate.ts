import type { AuditContext, AuditEvent } from '@onbehalf/service-kit'
import type { Announce } from '../announce.ts'
import type { Link } from '../database.ts'
import type { LinkStore, NewLink } from './store.ts'

type Needs = { links: Pick<LinkStore, 'transaction'>; announce: Announce }

/** `links_ended`: how many of the user's links had been ended when they allowed this one, unless they do it now. */
type Allowed = Omit<NewLink, 'allowed_by' | 'allowed_by_role'> & { links_ended?: number }

/**
 * Makes the link that its user allowed, in the place of what the external id was linked to; undefined where they are gone,
 * or have ended a link since.
 */
export type ActivateLink = (allowed: Allowed, by: AuditContext) => Promise<Link | undefined>

export const createActivation =
  ({ links, announce }: Needs): ActivateLink =>
  async ({ links_ended, ...link }, by) => {
    const { tenant_id, app_id, external_id, user_id } = link
    const done = await links.transaction(async (store) => {
      const endedNow = await store.holdEnded(tenant_id, user_id)
      if (endedNow === undefined || endedNow !== (links_ended ?? endedNow)) return undefined
      const [before] = await store.lock(app_id, [external_id])
      const made = await store.put({ ...link, allowed_by: user_id, allowed_by_role: null })
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
