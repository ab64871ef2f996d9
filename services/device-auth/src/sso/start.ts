import { randomBytes } from 'node:crypto'
import { type DeviceSsoState, deviceSsoState, startDeviceSso } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type Bus, call, matches, type SigningKey, signTicket } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type FindTools, findFlow } from '../device-code/find.ts'
import { hashUserCode } from '../device-code/user-code.ts'
import type { Budgets } from '../limits/budgets.ts'
import type { Guesses } from '../limits/guesses.ts'
import type { SsoCookies } from './cookies.ts'

export type SsoStartTools = Omit<FindTools, 'guesses'> & {
  budgets: Pick<Budgets, 'ssoStart'>
  guesses: Guesses
  cookies: SsoCookies
  bus: Bus
  signingKey: () => SigningKey
  publicUrl: string
}

/**
 * `tenant` by its short name and `connection` by its name; left out: the device's own hint, or the only ones there are.
 * `max_age`: how many seconds ago somebody may have signed in there.
 */
export type SsoStart = { user_code: string; tenant?: string; connection?: string; max_age?: number }

/**
 * Sends the browser to the IdP of a tenant for the flow of a code. What was to be approved in it before is let go, so
 * that nobody approves in one tab what they saw in another.
 */
export const startSso = async (
  request: FastifyRequest,
  reply: FastifyReply,
  asked: SsoStart,
  { budgets, cookies, ...tools }: SsoStartTools
): Promise<FastifyReply> => {
  await budgets.ssoStart(request)
  await tools.guesses.refuseIfMany()
  const found = await findFlow(asked.user_code, tools)
  if (found?.flow.status !== 'pending') throw invalidUserCode()
  const { user_code, flow } = found
  // The code stays in the browser: what goes over the bus, through the broker and back is its HMAC.
  const held = `${randomBytes(32).toString('base64url')}.${user_code}`
  const nonce = hashOf(held)
  const user_code_hash = hashUserCode(user_code, tools.userCodeKey)
  const { user_code: _, ...place } = asked
  const { url, cookie } = await begin({ ...place, user_code_hash, nonce, hint: flow.tenant_hint }, tools)
  const { name, value, max_age } = cookie
  cookies.keepFlow(cookies.forgetApproval(reply), nonce, held)
  reply.setCookie(name, value, { ...cookies.options, maxAge: max_age })
  return reply.header('cache-control', 'no-store').redirect(url, 303)
}

type Begin = Omit<SsoStart, 'user_code'> & { user_code_hash: string; nonce: string; hint: string | undefined }

const begin = async (
  { tenant, connection, max_age, hint, ...flow }: Begin,
  { bus, signingKey, publicUrl }: Pick<SsoStartTools, 'bus' | 'signingKey' | 'publicUrl'>
) => {
  const place = tenant ?? hint
  const state: DeviceSsoState = {
    intent: 'device_flow',
    ...flow,
    return_url: `${publicUrl}/openapi/v1/oauth/device/sso-complete`,
    ...(place ? { tenant: place } : {}),
    ...(connection ? { connection } : {}),
    ...(max_age === undefined ? {} : { max_age })
  }
  if (!matches(deviceSsoState.claims, state)) throw noSuchPlace()
  const { ticket } = await signTicket(deviceSsoState, state, { issuer: 'device-auth', key: signingKey() })
  return call(bus, startDeviceSso, { state: ticket }, { deadlineAt: Date.now() + waitMs }).catch((cause: unknown) => {
    throw refusalOf(cause)
  })
}

// As long as it takes to find out where an IdP has people sign in.
const waitMs = 10_000

const refusalOf = (cause: unknown): unknown => {
  if (!(cause instanceof ReportedError)) return cause
  if (cause.code === 'not_found') return noSuchPlace(cause)
  if (cause.status === 503) return cause
  if (cause.code === 'policy_denied') return new ReportedError('sso_initiate_failed', cause.message, { cause })
  return new ReportedError('sso_initiate_failed', 'Single sign-on could not begin. Try again shortly.', { cause })
}

const invalidUserCode = () =>
  new ReportedError(
    'invalid_user_code',
    'This code is not known, has expired or was decided. Start again on the device.'
  )

const noSuchPlace = (cause?: unknown) =>
  new ReportedError('invalid_request', 'Say in tenant at which organisation to sign in, by its short name.', {
    cause,
    details: [{ path: 'tenant', message: 'must be the short name of an organisation that has single sign-on' }]
  })
