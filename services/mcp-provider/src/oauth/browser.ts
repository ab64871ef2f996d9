import { cookieNamesFor, hashOf } from '@onbehalf/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { stateSeconds } from './state.ts'

/** What ties an authorization to the browser that began it: a cookie of its own for each one under way. */
export const authorizingBrowser = (publicUrl: string) => {
  const { authorization, isSecure } = cookieNamesFor(publicUrl)
  const cookie = { path: '/', secure: isSecure, httpOnly: true, sameSite: 'lax' } as const
  const nameOf = (state: string) => `${authorization}_${hashOf(state).slice(0, 10)}`
  return {
    keep: (reply: FastifyReply, { state, binding }: { state: string; binding: string }): FastifyReply =>
      reply.setCookie(nameOf(state), binding, { ...cookie, maxAge: stateSeconds }).header('cache-control', 'no-store'),
    bindingOf: ({ cookies }: FastifyRequest, state: string): string | undefined => cookies[nameOf(state)],
    forget: (reply: FastifyReply, state: string): FastifyReply => reply.clearCookie(nameOf(state), cookie)
  }
}
export type AuthorizingBrowser = ReturnType<typeof authorizingBrowser>
