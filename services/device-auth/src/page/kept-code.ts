import { cookieNamesFor } from '@onbehalf/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** The code a browser came with, kept out of every URL while its user signs in. */
export const keptCode = (publicUrl: string) => {
  const { isSecure } = cookieNamesFor(publicUrl)
  const name = isSecure ? '__Host-onbehalf_device_code' : 'onbehalf_device_code'
  const cookie = { path: '/', secure: isSecure, httpOnly: true, sameSite: 'lax' } as const
  return {
    read: ({ cookies }: FastifyRequest): string | undefined => cookies[name],
    keep: (reply: FastifyReply, code: string) => reply.setCookie(name, code, { ...cookie, maxAge: 600 }),
    forget: (reply: FastifyReply) => reply.clearCookie(name, cookie)
  }
}
