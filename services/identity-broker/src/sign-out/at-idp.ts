import type { Vault } from '@onbehalf/vault'
import { buildEndSessionUrl } from 'openid-client'
import type { FindClient, IdpClient } from '../connections/client.ts'
import type { ConnectionStore } from '../connections/store.ts'
import type { Session } from '../database.ts'
import { idTokenPlace } from '../sessions/place.ts'

type Needs = { connections: Pick<ConnectionStore, 'find'>; findClient: FindClient; vault: Vault; publicUrl: string }

export type IdpSignOut = ReturnType<typeof createIdpSignOut>

/** Signing out at the IdP as well (OpenID Connect RP-Initiated Logout 1.0), where it offers that. */
export const createIdpSignOut = ({ connections, findClient, vault, publicUrl }: Needs) => {
  const clientOf = async ({ tenant_id, connection_id }: Session): Promise<IdpClient | undefined> => {
    const connection = await connections.find(tenant_id, connection_id)
    const client = connection && connection.kind !== 'saml' ? await findClient(connection) : undefined
    return client && offersIt(client) ? client : undefined
  }
  return {
    /** Whether the IdP of a session offers it; one that does not answer offers nothing. */
    isOffered: async (session: Session): Promise<boolean> => {
      const client = await clientOf(session).catch(() => undefined)
      return client !== undefined
    },
    /**
     * Where the browser goes to sign out there. §2: the id_token says whose session it is; without it some IdPs ask the
     * user and others refuse, so the session keeps it, encrypted.
     */
    urlFor: async (session: Session, state: string): Promise<string | undefined> => {
      const client = await clientOf(session)
      if (!client) return undefined
      const hint = session.id_token && (await vault.open(session.id_token, idTokenPlace(session)))
      return buildEndSessionUrl(client.configuration, {
        post_logout_redirect_uri: `${publicUrl}/auth/signed-out`,
        state,
        ...(hint ? { id_token_hint: hint } : {})
      }).href
    }
  }
}

const offersIt = ({ configuration }: IdpClient): boolean => {
  const { end_session_endpoint: url } = configuration.serverMetadata()
  return url !== undefined && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)
}
