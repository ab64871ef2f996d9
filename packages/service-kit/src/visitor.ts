import type { ResolvedPrincipal } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import type { FastifyRequest } from 'fastify'
import type { Authenticators } from './authenticate.ts'
import { readSession } from './session.ts'

export type Visitor = ResolvedPrincipal & { csrf: string }

/** Who is signed in, on routes that are open to all; undefined when nobody is. Reads only: it checks no CSRF token. */
export type FindVisitor = (request: FastifyRequest) => Promise<Visitor | undefined>

export const findVisitorBy =
  (resolve: Authenticators['session']): FindVisitor =>
  async (request) => {
    if (!resolve) return undefined
    try {
      const { tenant_id, sid, csrf } = await readSession(request)
      return { ...(await resolve({ tenant_id, session_id: sid })), csrf }
    } catch (error) {
      if (error instanceof ReportedError && error.code === 'unauthenticated') return undefined
      throw error
    }
  }
