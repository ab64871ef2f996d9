import { type Access, administrators, orKeyFor } from '@onbehalf/service-kit'

/** Who may read the registry. */
export const members: Access = orKeyFor('providers:read', {
  credentials: ['session', 'bearer'],
  roles: ['owner', 'admin', 'member']
})

/** Who may change it. */
export const writers: Access = orKeyFor('providers:write', administrators)
