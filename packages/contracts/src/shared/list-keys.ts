import { defineCall, PublicKey } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'

/**
 * The public keys a service signs tickets with, and, for identity-broker, sessions; and what it says of device sign-in by
 * single sign-on, with keys of their own. NATS lets only that service
 * answer on its own subject, so the answer is that service's word.
 */
const listKeysOf = (owner: string, callers: readonly string[]) =>
  defineCall({
    subject: `${owner}.keys.list.v1`,
    callers,
    request: Type.Object({}),
    reply: Type.Object({
      ticket: Type.Array(PublicKey),
      session: Type.Array(PublicKey),
      device_sso: Type.Optional(Type.Array(PublicKey))
    }),
    errors: []
  })

export const listBrokerKeys = listKeysOf('identity-broker', ['mcp-provider', 'tool-invoker', 'device-auth'])
export const listProviderKeys = listKeysOf('mcp-provider', ['identity-broker'])
export const listDeviceKeys = listKeysOf('device-auth', ['identity-broker', 'mcp-provider'])
