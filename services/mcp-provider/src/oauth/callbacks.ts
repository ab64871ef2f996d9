import { hashOf } from '@onbehalf/service-kit'
import type { ServerMetadata } from '../authorization/server.ts'
import { misfit } from './problems.ts'

export type Callbacks = ReturnType<typeof callbacksAt>

// 131 bits: nobody finds another issuer with the same ones.
const hashLength = 22

/** The redirect URIs that authorization servers answer at. */
export const callbacksAt = (publicUrl: string) => {
  const shared = `${publicUrl}/oauth/callback`
  return {
    /** Of a client that only this server knows: what comes there is no other server's answer. */
    of: (issuer: string): string => `${shared}/${hashOf(issuer).slice(0, hashLength)}`,
    /** Of the client that every server knows by its metadata document. */
    shared,
    /** What clients were registered with for the reference's console. */
    ofConsole: `${publicUrl}/console/api/mcp/oauth/callback`
  }
}

type Asked = {
  server: ServerMetadata
  isOfDocument: boolean
  /** Whether the reference's console asks, with a client that was registered for it. */
  isOfConsole: boolean
}

/**
 * RFC 9700 §4.4.2: which server an answer is of is told by where it comes, or else by its `iss`, which it must have at a
 * redirect URI that other servers know as well.
 */
export const chooseCallback = (callbacks: Callbacks, { server, isOfDocument, isOfConsole }: Asked): string => {
  const own = callbacks.of(server.issuer)
  if (!isOfDocument && !isOfConsole) return own
  if (server.authorization_response_iss_parameter_supported) return isOfConsole ? callbacks.ofConsole : callbacks.shared
  throw misfit(
    `The authorization server does not promise to say who answers (RFC 9207). Register a client there with the redirect URI ${own}, give it as authentication, and authorize by POST /v1/mcp-providers/:id/authorize.`
  )
}
