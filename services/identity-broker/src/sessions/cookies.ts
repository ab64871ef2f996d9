import { cookieNamesFor } from '@onbehalf/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { cookieSeconds, type Issued } from './issue.ts'

export type SessionCookies = ReturnType<typeof sessionCookies>

/** The two cookies of a signed-in browser: one for every path, and one that renews it, for ours alone. */
export const sessionCookies = (publicUrl: string, now = Date.now) => {
  const { session, renewal, isSecure } = cookieNamesFor(publicUrl)
  const guarded = { secure: isSecure, httpOnly: true, sameSite: 'lax' } as const
  const everywhere = { ...guarded, path: '/' }
  const ours = { ...guarded, path: '/auth' }
  return {
    set: (reply: FastifyReply, issued: Issued): FastifyReply =>
      reply
        .setCookie(session, issued.cookie, { ...everywhere, maxAge: cookieSeconds })
        .setCookie(renewal, issued.renewal, { ...ours, maxAge: secondsUntil(issued.renewable_until, now()) })
        .header('cache-control', 'no-store'),
    clear: (reply: FastifyReply): FastifyReply =>
      reply.clearCookie(session, everywhere).clearCookie(renewal, ours).header('cache-control', 'no-store'),
    renewalOf: ({ cookies }: FastifyRequest): string | undefined => cookies[renewal]
  }
}

const secondsUntil = (end: Date, now: number): number => Math.max(0, Math.floor((end.getTime() - now) / 1000))
