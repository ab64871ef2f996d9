import type { CallOptions } from '@onbehalf/rpc'
import { callerOf, callOptionsOf, userOf } from '@onbehalf/service-kit'
import type { FastifyRequest } from 'fastify'

/** The member who asks, with what it takes to ask others in their name. */
export type Asker = {
  tenant_id: string
  user_id: string
  isAdministrator: boolean
  /** Their principal ticket. */
  ticket: string
  callOptions: CallOptions
}

export const askerOf = (request: FastifyRequest): Asker => {
  const { tenant_id, user_id, role } = userOf(request)
  const isAdministrator = role === 'owner' || role === 'admin'
  return { tenant_id, user_id, isAdministrator, ticket: callerOf(request).ticket, callOptions: callOptionsOf(request) }
}
