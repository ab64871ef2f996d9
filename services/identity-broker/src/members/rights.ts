import type { Role } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'

const mayDecideOn: Readonly<Record<Role, readonly Role[]>> = {
  owner: ['owner', 'admin', 'member'],
  admin: ['member'],
  member: []
}

/** Owners decide about every role, admins about plain members. `own` is null for somebody who is not a member. */
export const mayGive = (own: Role | null, role: Role): boolean => own !== null && mayDecideOn[own].includes(role)

/** Throws unless somebody with the role `own` may give or take each of `roles`. */
export const requireRight = (own: Role | null, ...roles: Role[]): void => {
  if (roles.every((role) => mayGive(own, role))) return
  throw new ReportedError('forbidden', 'Only an owner decides who is owner or admin. Ask an owner.', {
    details: [{ path: 'role', message: 'is for owners to give and to take' }]
  })
}
