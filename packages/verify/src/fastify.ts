import type { FastifyPluginAsync } from 'fastify'
import { type AuthInfo, authInfoOf } from './auth-info.ts'
import { VerifyError } from './errors.ts'
import type { Identity } from './identity.ts'
import type { Verifier } from './verifier.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Whom the request's token names; null before it was checked. */
    identity: Identity | null
    /** As the MCP SDK's transports read it. */
    auth: AuthInfo | null
  }
}

/**
 * Fastify plugin: guards every route of the scope it is registered in. A request gets through with `request.identity`,
 * or is answered 401 (503 while nobody can say).
 */
export const verifyPlugin: FastifyPluginAsync<{ verifier: Verifier }> = async (fastify, { verifier }) => {
  fastify.decorateRequest('identity', null)
  fastify.decorateRequest('auth', null)
  fastify.addHook('preHandler', async (request, reply) => {
    const { authorization } = request.headers
    try {
      request.identity = await verifier.authenticate({ authorization, body: request.body })
      request.auth = authInfoOf(request.identity, authorization)
      return undefined
    } catch (error) {
      if (!(error instanceof VerifyError)) throw error
      const { status, headers, body } = verifier.refusalOf(error)
      return reply.status(status).headers(headers).send(body)
    }
  })
}

// Or the hook would hold for the plugin's own, empty scope: https://fastify.dev/docs/latest/Reference/Plugins/
Object.assign(verifyPlugin, { [Symbol.for('skip-override')]: true })
