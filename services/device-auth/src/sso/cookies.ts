import { cookieNamesFor } from '@onbehalf/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** What a browser holds on its way through an IdP, and afterwards; sent to both mounts. */
export const ssoCookies = (publicUrl: string) => {
  const { isSecure } = cookieNamesFor(publicUrl)
  const prefix = isSecure ? '__Host-' : ''
  const cookie = { path: '/', secure: isSecure, httpOnly: true, sameSite: 'lax' } as const
  // One for each flow under way, so that two tabs do not disturb each other.
  const flowName = (nonce: string) => `${prefix}onbehalf_device_sso_${nonce.slice(0, 10)}`
  const approvalName = `${prefix}onbehalf_device_approval`
  return {
    /** Those of every cookie of ours that an IdP's answer has to bring along. */
    options: cookie,
    /** Before the IdP: what shows that the flow of this nonce began here. */
    keepFlow: (reply: FastifyReply, nonce: string, value: string) =>
      reply.setCookie(flowName(nonce), value, { ...cookie, maxAge: flowSeconds }),
    flowOf: ({ cookies }: FastifyRequest, nonce: string): string | undefined => cookies[flowName(nonce)],
    forgetFlow: (reply: FastifyReply, nonce: string) => reply.clearCookie(flowName(nonce), cookie),
    /** After it: the id of what may be approved here, and nothing else. */
    keepApproval: (reply: FastifyReply, id: string) =>
      reply.setCookie(approvalName, id, { ...cookie, maxAge: approvalSeconds }),
    approvalOf: ({ cookies }: FastifyRequest): string | undefined => cookies[approvalName],
    forgetApproval: (reply: FastifyReply) => reply.clearCookie(approvalName, cookie)
  }
}

export type SsoCookies = ReturnType<typeof ssoCookies>

const flowSeconds = 900
export const approvalSeconds = 300
