import type { CallOptions } from '@onbehalf/rpc'
import {
  type AuditContext,
  auditContextOf,
  callerOf,
  callOptionsOf,
  isAdministrator,
  userOf
} from '@onbehalf/service-kit'
import type { FastifyRequest } from 'fastify'

/** The member who asks, with what it takes to ask others in their name. */
export type Asker = {
  tenant_id: string
  user_id: string
  isAdministrator: boolean
  /** Their principal ticket. */
  ticket: string
  callOptions: CallOptions
  /** What the record of a change says of them. */
  audit: AuditContext
}

export const askerOf = (request: FastifyRequest): Asker => {
  const user = userOf(request)
  return {
    ...{ tenant_id: user.tenant_id, user_id: user.user_id, isAdministrator: isAdministrator(user) },
    ...{ ticket: callerOf(request).ticket, callOptions: callOptionsOf(request), audit: auditContextOf(request) }
  }
}
