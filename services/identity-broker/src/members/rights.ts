import type { Role } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import type { AuditContext } from '@onbehalf/service-kit'

const mayDecideOn: Readonly<Record<Role, readonly Role[]>> = {
  owner: ['owner', 'admin', 'member'],
  admin: ['member'],
  member: []
}

/** Owners decide about every role, admins about plain members. `own` is null for somebody who is not a member. */
export const mayGive = (own: Role | null, role: Role): boolean => own !== null && mayDecideOn[own].includes(role)

export type UserAsker = { role: Role | null; audit: Pick<AuditContext, 'tenant_id' | 'actor'> }

/** Whether somebody may let an app act for a user: for themselves, for whoever has no role, and where they decide on it. */
export const mayLetActFor = ({ role: own, audit }: UserAsker, user_id: string, role: Role | null): boolean =>
  role === null || mayGive(own, role) || (audit.actor.kind === 'user' && user_id === audit.actor.id)

/** Who said that an app may act for somebody, with the roles they had then and have now; null for nobody who is known. */
export type Sayer = { id: string | null; roleThen: Role | null; role: Role | null }

/**
 * Whether what was said once still lets an app act for somebody: who is an owner or an admin by now is acted for while
 * it was they themselves who said it, or somebody who was an owner then and is one now: a promotion says nothing.
 */
export const isStillLet = (sayer: Sayer, { id, role }: { id: string; role: Role | null }): boolean =>
  role === null || role === 'member' || sayer.id === id || (sayer.roleThen === 'owner' && sayer.role === 'owner')

/** Throws unless `fields` is empty: each names a user whom the asker may let no app act for. */
export const refuseActFor = (fields: readonly string[]): void => {
  if (fields.length === 0) return
  throw new ReportedError('forbidden', 'Only an owner lets an app act for an owner or an admin. Ask an owner.', {
    details: fields.map((path) => ({ path, message: 'is an owner or an admin' }))
  })
}

/** Throws unless somebody with the role `own` may give or take each of `roles`. */
export const requireRight = (own: Role | null, ...roles: Role[]): void => {
  if (roles.every((role) => mayGive(own, role))) return
  throw new ReportedError('forbidden', 'Only an owner decides who is owner or admin. Ask an owner.', {
    details: [{ path: 'role', message: 'is for owners to give and to take' }]
  })
}
