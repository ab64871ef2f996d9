import type { Desk } from '../providers/desk.ts'
import type { OauthDesk } from './desk.ts'
import { challengeOf } from './look-up.ts'

export const createFindIssuer =
  (desk: Pick<OauthDesk, 'authorizations' | 'mcp'>): Desk['findIssuer'] =>
  async (settings) => {
    try {
      const challenge = await challengeOf(desk, { settings })
      const { resource, server } = await desk.authorizations.describe(settings, { challenge, known: [] })
      return resource.authorization_servers?.length === 1 ? server.issuer : null
    } catch {
      // A server that is away keeps nobody from changing how it is reached.
      return null
    }
  }
