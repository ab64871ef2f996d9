import { type AppPrincipal, isExternal, type Principal, type UserPrincipal } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import type { Restricted } from './access.ts'

/** Throws `forbidden` unless who asks may call a route of this access. */
export const requireRight = (access: Restricted, principal: Principal): void => {
  if (principal.kind === 'app') requireScope(access, principal)
  else requirePerson(access, principal)
}

const requirePerson = (access: Restricted, principal: UserPrincipal): void => {
  requireSurface(access, principal)
  requireRole(access, principal)
}

const requireScope = ({ scope }: Restricted, { scopes }: AppPrincipal): void => {
  if (scope && scopes.includes(scope)) return
  throw new ReportedError('forbidden', `This API key was not made for this: it needs the scope ${scope}.`, {
    details: [{ path: 'scope', message: scope ?? '' }]
  })
}

// A device token without a role is a dfoe_: it was handed out for calling, whatever its user may do in a browser.
const requireSurface = ({ isForExternals }: Restricted, principal: UserPrincipal): void => {
  if (isForExternals || !isExternal(principal) || principal.credential.kind !== 'device_token') return
  throw new ReportedError('forbidden', "An external user's device token (dfoe_…) calls tools and nothing else.")
}

const requireRole = ({ roles }: Restricted, { role }: UserPrincipal): void => {
  if (!roles || (role && roles.includes(role))) return
  throw new ReportedError('forbidden', `This needs the role ${roles.join(' or ')}.`)
}
