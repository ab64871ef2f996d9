import { createHmac, randomBytes } from 'node:crypto'
import { matches } from '@onbehalf/rpc'
import { hashOf } from '@onbehalf/service-kit'
import { type Static, Type } from '@sinclair/typebox'
import type { Redis } from 'ioredis'

/** What an authorization remembers between leaving for the authorization server and coming back. Nothing is secret. */
export const AuthorizationState = Type.Object({
  tenant_id: Type.String(),
  provider_id: Type.String(),
  /** Whose credential it is to be: null for the tenant's. */
  user_id: Type.Union([Type.String(), Type.Null()]),
  /** Who began. */
  actor_id: Type.String(),
  reach_revision: Type.Integer(),
  /** What a token for the server was for, as `resource` is how the server itself calls that. */
  audience: Type.String(),
  issuer: Type.String(),
  client_id: Type.String(),
  resource: Type.String(),
  scope: Type.String(),
  redirect_uri: Type.String()
})
export type AuthorizationState = Static<typeof AuthorizationState>

export const stateSeconds = 300
const keyOf = (state: string, binding: string) => `mcp-provider:authorization:${hashOf(`${state} ${binding}`)}`

export type AuthorizationStates = ReturnType<typeof authorizationStates>

/**
 * Authorizations under way, for five minutes, in Redis. The key is the hash of the state and of the browser's own cookie,
 * so a state in another browser finds nothing; the code verifier is derived from both, so it rests nowhere.
 */
export const authorizationStates = (redis: Redis) => ({
  begin: async (remembered: AuthorizationState) => {
    const [state, binding] = [random(), random()]
    await redis.set(keyOf(state, binding), JSON.stringify(remembered), 'EX', stateSeconds)
    return { state, binding, codeVerifier: verifierOf(state, binding) }
  },

  /** Takes the state away, so that it works once; undefined for an unknown, used, ended or foreign one. */
  take: async (state: string, binding: string) => {
    const text = await redis.getdel(keyOf(state, binding))
    const remembered: unknown = text ? JSON.parse(text) : undefined
    return matches(AuthorizationState, remembered)
      ? { remembered, codeVerifier: verifierOf(state, binding) }
      : undefined
  }
})

const random = () => randomBytes(32).toString('base64url')

const verifierOf = (state: string, binding: string) =>
  createHmac('sha256', binding).update(`code_verifier ${state}`).digest('base64url')
