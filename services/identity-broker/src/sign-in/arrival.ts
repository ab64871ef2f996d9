import { cookieNamesFor, hashOf } from '@onbehalf/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { SessionCookies } from '../sessions/cookies.ts'
import type { SessionEnds } from '../sessions/end.ts'
import type { Issued } from '../sessions/issue.ts'

export type ArrivalNeeds = {
  publicUrl: string
  sessionCookies: SessionCookies
  sessionEnds: Pick<SessionEnds, 'endByRenewal'>
}

type Done = {
  issued: Issued | undefined
  return_to: string
  /** What went wrong, where that is told elsewhere. */
  failure?: unknown
}

/** What a browser holds while it is at the IdP: one cookie for each sign-in under way, so that two tabs do not disturb each other. */
export const signInCookies = (publicUrl: string) => {
  const { signIn, isSecure } = cookieNamesFor(publicUrl)
  return {
    nameOf: (state: string) => `${signIn}_${hashOf(state).slice(0, 10)}`,
    cookie: { path: '/', secure: isSecure, httpOnly: true, sameSite: 'lax' } as const,
    seconds: 600
  }
}

/** The browser of a sign-in: what ties it to the one that began, and what it takes along in the end. */
export const signInArrival = ({ publicUrl, sessionCookies, sessionEnds }: ArrivalNeeds) => {
  const { nameOf, cookie, seconds } = signInCookies(publicUrl)
  return {
    leave: (reply: FastifyReply, { state, binding, location }: Record<'state' | 'binding' | 'location', string>) =>
      reply
        .setCookie(nameOf(state), binding, { ...cookie, maxAge: seconds })
        .header('cache-control', 'no-store')
        .redirect(location, 303),

    bindingOf: ({ cookies }: FastifyRequest, state: string): string | undefined => cookies[nameOf(state)],

    browserOf: ({ id: request_id, ip, headers }: FastifyRequest) => ({
      ...{ request_id, ip, user_agent: headers['user-agent']?.slice(0, 256) ?? '' }
    }),

    /** Sends the browser on, signed in where a session was issued; the session it had before is over then. */
    arrive: async (
      request: FastifyRequest,
      reply: FastifyReply,
      state: string,
      { issued, return_to, failure }: Done
    ) => {
      reply.clearCookie(nameOf(state), cookie)
      if (failure) request.log.warn({ err: failure }, 'somebody was not identified for a device')
      if (!issued) return reply.redirect(return_to, 303)
      const replaced = sessionCookies.renewalOf(request)
      if (replaced) await sessionEnds.endByRenewal(replaced, { request_id: request.id, ip: request.ip })
      return sessionCookies.set(reply, issued).redirect(return_to, 303)
    }
  }
}
