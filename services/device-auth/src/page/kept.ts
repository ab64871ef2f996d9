import { cookieNamesFor } from '@onbehalf/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isNotFresh } from '../settings/require-fresh.ts'

/** What a browser came with, kept out of every URL for so many seconds. */
const keptWord = (publicUrl: string, word: string, maxAge: number) => {
  const { isSecure } = cookieNamesFor(publicUrl)
  const name = `${isSecure ? '__Host-' : ''}onbehalf_device_${word}`
  const cookie = { path: '/', secure: isSecure, httpOnly: true, sameSite: 'lax' } as const
  return {
    read: ({ cookies }: FastifyRequest): string | undefined => cookies[name],
    keep: (reply: FastifyReply, value: string) => reply.setCookie(name, value, { ...cookie, maxAge }),
    forget: (reply: FastifyReply) => reply.clearCookie(name, cookie)
  }
}

export type Kept = ReturnType<typeof keptWord>

/** The code, while its user signs in. */
export const keptCode = (publicUrl: string): Kept => keptWord(publicUrl, 'code', 600)

/** Throws what stood in the way; where its user has to sign in again, the code is kept until they come back. */
export const orKeepCode =
  (kept: Kept, reply: FastifyReply, user_code: string) =>
  (error: unknown): never => {
    if (isNotFresh(error)) kept.keep(reply, user_code)
    throw error
  }

/** What single sign-on said, until it is shown. */
export const keptFailure = (publicUrl: string): Kept => keptWord(publicUrl, 'failure', 60)
