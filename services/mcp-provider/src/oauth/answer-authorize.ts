import type { FastifyReply, FastifyRequest } from 'fastify'
import { askerOf } from '../asker.ts'
import type { Provider } from '../providers/provider.ts'
import { authorize } from './authorize.ts'
import { authorizingBrowser } from './browser.ts'
import { connectPath } from './connect-path.ts'
import type { GrantType } from './credential.ts'
import type { OauthDesk } from './desk.ts'

export type AuthorizeNeeds = {
  desk: OauthDesk
  findProvider: (tenant_id: string, id: string) => Promise<Provider>
  publicUrl: string
}

type Asked = { id: string; grantType?: GrantType | undefined; isOfConsole?: boolean }

/** Begins an authorization for whoever sent a request, and says where it goes on. */
export const createAnswerAuthorize = ({ desk, findProvider, publicUrl }: AuthorizeNeeds) => {
  const browser = authorizingBrowser(publicUrl)
  return async (request: FastifyRequest, reply: FastifyReply, { id, ...how }: Asked) => {
    const asker = askerOf(request)
    const provider = await findProvider(asker.tenant_id, id)
    const begun = await authorize(desk, { provider, asker, ...how })
    if (begun.status === 'authorized') return { status: begun.status }
    // Only a browser can keep what ties the answer to it; whoever else asks is told of the page where one begins.
    const isBrowser = request.caller?.csrf !== null
    if (isBrowser) browser.keep(reply, begun)
    const authorize_url = isBrowser ? begun.location : `${publicUrl}${connectPath(provider.id)}`
    return { status: begun.status, authorize_url, redirect_uri: begun.redirect_uri }
  }
}
