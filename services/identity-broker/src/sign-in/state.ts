import { createHmac, randomBytes } from 'node:crypto'
import { deviceSsoState } from '@onbehalf/contracts'
import { matches } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { type Static, Type } from '@sinclair/typebox'
import type { Redis } from 'ioredis'

const DeviceFlow = Type.Pick(deviceSsoState.claims, ['user_code_hash', 'nonce', 'return_url'])
export type DeviceFlow = Static<typeof DeviceFlow>

/** What a sign-in remembers between leaving for the IdP and coming back. Nothing in it is secret. */
export const SignInState = Type.Object({
  tenant_id: Type.String(),
  connection_id: Type.String(),
  revision: Type.Integer(),
  resources: Type.Array(Type.String()),
  return_to: Type.String(),
  /** How many seconds ago somebody may have signed in at the IdP (OIDC Core §3.1.2.1). */
  max_age: Type.Optional(Type.Integer()),
  /** Which invitation the sign-in is to accept. */
  invitation_id: Type.Optional(Type.String()),
  /** Who has to come back, and where anybody else goes. */
  expected: Type.Optional(Type.Object({ user_id: Type.String(), otherwise_to: Type.String() })),
  /** The flow of a device for which somebody is to be identified, and nothing else. */
  device_sso: Type.Optional(DeviceFlow)
})
export type SignInState = Static<typeof SignInState>

const seconds = 600
const keyOf = (state: string, binding: string) => `identity-broker:sign-in:${hashOf(`${state} ${binding}`)}`

export type SignInStates = ReturnType<typeof signInStates>

/**
 * Sign-ins under way, for ten minutes, in Redis. The key is the hash of the state and of the browser's own cookie, so
 * a state in another browser finds nothing; nonce and code verifier are derived from both, so neither rests anywhere.
 */
export const signInStates = (redis: Redis) => ({
  begin: async (remembered: SignInState) => {
    const [state, binding] = [random(), random()]
    await redis.set(keyOf(state, binding), JSON.stringify(remembered), 'EX', seconds)
    return { state, binding, ...derived(state, binding) }
  },
  /** Takes the state away, so that it works once; undefined for an unknown, used, ended or foreign one. */
  take: async (state: string, binding: string) => {
    const text = await redis.getdel(keyOf(state, binding))
    const remembered: unknown = text ? JSON.parse(text) : undefined
    return matches(SignInState, remembered) ? { remembered, ...derived(state, binding) } : undefined
  }
})

const random = () => randomBytes(32).toString('base64url')

const derived = (state: string, binding: string) => ({
  nonce: createHmac('sha256', binding).update(`nonce ${state}`).digest('base64url'),
  codeVerifier: createHmac('sha256', binding).update(`code_verifier ${state}`).digest('base64url')
})
