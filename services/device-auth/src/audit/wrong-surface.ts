import { isExternal } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import type { App, AuditEvent } from '@onbehalf/service-kit'
import type { FastifyRequest } from 'fastify'
import { kinds } from '../device-token/kinds.ts'
import { deviceEvent } from './event.ts'

/** Puts on record that an external user's token was shown where it opens nothing. */
export const recordWrongSurface = (app: App, record: (event: AuditEvent) => Promise<void>): void => {
  app.addHook('onError', async (request, _reply, error) => {
    const event = error instanceof ReportedError && error.code === 'forbidden' ? deniedTo(request) : undefined
    await (event && record(event))?.catch((err: unknown) => request.log.error({ err }, 'an audit event is lost'))
  })
}

const deniedTo = ({ caller, ip, id: request_id, method, routeOptions }: FastifyRequest): AuditEvent | undefined => {
  const principal = caller?.principal
  if (principal?.kind !== 'user' || !isExternal(principal)) return undefined
  const { tenant_id, user_id: actor_user_id, credential } = principal
  if (credential.kind !== 'device_token') return undefined
  const { subject_type } = kinds.dfoe_
  const details = { subject_type, attempted_path: `${method} ${routeOptions.url}` }
  const facts = { tenant_id, actor_user_id, token_id: credential.id, ip, request_id, details }
  return deviceEvent({ event: 'openapi.wrong_surface_denied', ...facts })
}
