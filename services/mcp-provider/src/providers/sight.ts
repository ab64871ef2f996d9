import { isExternal, type Principal } from '@onbehalf/contracts'

/** Which providers somebody may use: those of their tenant, and of them, when external, only the ones marked so. */
export type Sight = { tenant_id: string; isExternal: boolean }

export const sightOf = (principal: Principal): Sight => ({
  tenant_id: principal.tenant_id,
  isExternal: isExternal(principal)
})
