import type { Role } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { isStillLet } from '../members/rights.ts'
import type { UserStore } from '../users/store.ts'
import type { LinkStore } from './store.ts'

/** Somebody who may be acted for; `role` is null for somebody who is not a member. */
export type Who = { id: string; role: Role | null }

/**
 * The user that an app's own id is linked to; `policy_denied` where they are an owner or an admin by now, and neither
 * they themselves nor who was an owner then and is one now linked them.
 */
export type FindLinked = (app: { tenant_id: string; app_id: string }, external_id: string) => Promise<Who | undefined>

export const createFindLinked =
  (links: Pick<LinkStore, 'userOf'>): FindLinked =>
  async (app, external_id) => {
    const linked = await links.userOf(app, external_id)
    if (!linked) return undefined
    const sayer = { id: linked.allowed_by, roleThen: linked.allowed_by_role, role: linked.allower_role }
    if (isStillLet(sayer, linked)) return linked
    throw new ReportedError(
      'policy_denied',
      'An owner or an admin has to allow this app themselves. Remove their link, and link them anew.',
      { details: [{ path: 'user_id', message: 'is linked to an owner or an admin by somebody who may not do so' }] }
    )
  }

/** Whom a caller means: the user that its app's own id is linked to, else the one that has this id here. */
export type FindWho = (tenant_id: string, app_id: string | undefined, given: string) => Promise<Who | undefined>

type Needs = { findLinked: FindLinked; users: Pick<UserStore, 'findWithRole'> }

export const createFindWho =
  ({ findLinked, users }: Needs): FindWho =>
  async (tenant_id, app_id, given) => {
    const linked = app_id && (await findLinked({ tenant_id, app_id }, given))
    if (linked) return linked
    return isUuid(given) ? users.findWithRole(tenant_id, given) : undefined
  }

const isUuid = (text: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
