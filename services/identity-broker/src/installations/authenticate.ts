import { ReportedError } from '@onbehalf/errors'
import { hashOf } from '@onbehalf/service-kit'
import type { FastifyRequest } from 'fastify'
import type { FoundInstallation, InstallationStore } from './store.ts'

const secretHeader = 'enterprise-api-secret-key'

const coarsenessMs = 60_000

/** Finds whose secret a request carries. Without a right one there is nothing here, as the reference has it. */
export const createInnerAuthenticator = (
  installations: Pick<InstallationStore, 'findBySecret' | 'touch'>,
  now = Date.now
) => {
  const found = new WeakMap<FastifyRequest, FoundInstallation>()
  return {
    authenticate: async (request: FastifyRequest): Promise<void> => {
      const given = request.headers[secretHeader]
      const installation = typeof given === 'string' ? await installations.findBySecret(hashOf(given)) : undefined
      if (!installation) throw new ReportedError('not_found', 'There is nothing here.')
      found.set(request, installation)
      const { secret_id, last_used_at } = installation
      if (last_used_at && now() - last_used_at.getTime() < coarsenessMs) return
      // Nobody waits for it; owned by the pool, which ends its queries before it closes.
      void installations.touch(secret_id).catch((err: unknown) => request.log.warn({ err }, 'a use was not noted'))
    },
    installationOf: (request: FastifyRequest): FoundInstallation => {
      const installation = found.get(request)
      if (installation) return installation
      throw new Error(`${request.url} was not authenticated`)
    }
  }
}
