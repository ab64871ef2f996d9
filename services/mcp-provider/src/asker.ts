import type { Principal } from '@onbehalf/contracts'
import type { CallOptions } from '@onbehalf/rpc'
import { auditContextOf, callerOf, callOptionsOf, isAdministrator } from '@onbehalf/service-kit'
import type { FastifyRequest } from 'fastify'

/** The member or app that asks, with what it takes to ask others in their name. */
export type Asker = {
  tenant_id: string
  /** Null for an app, which has no identity to forward. */
  user_id: string | null
  isAdministrator: boolean
  isOwner: boolean
  /** Their principal ticket. */
  ticket: string
  callOptions: CallOptions
  /** What the record of a change says of them. */
  audit: ReturnType<typeof auditContextOf>
}

export const askerOf = (request: FastifyRequest): Asker => {
  const { principal, ticket } = callerOf(request)
  const { tenant_id, user_id } = principal
  return {
    ...{ tenant_id, user_id, isAdministrator: mayChange(principal), ticket },
    isOwner: principal.kind === 'user' && principal.role === 'owner',
    ...{ callOptions: callOptionsOf(request), audit: auditContextOf(request) }
  }
}

/** Whether somebody may change what the tenant has here. */
export const mayChange = (principal: Principal): boolean =>
  principal.kind === 'user' ? isAdministrator(principal) : principal.scopes.includes('providers:write')
