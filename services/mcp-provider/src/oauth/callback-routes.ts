import { type App, sendPage, typed } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Provider } from '../providers/provider.ts'
import type { AuthorizingBrowser } from './browser.ts'
import { completeAuthorization } from './complete.ts'
import type { OauthDesk } from './desk.ts'
import type { FindStanding } from './find-standing.ts'
import { connectedView } from './views.ts'

export type CompleteNeeds = {
  desk: OauthDesk
  findProvider: (tenant_id: string, id: string) => Promise<Provider>
  findStanding: FindStanding
  publicUrl: string
}

// What an authorization server appends (RFC 6749 §4.1.2, RFC 9207) and whatever else it likes to.
const Query = Type.Record(Type.String(), Type.Array(Type.String({ maxLength: 4096 })))
const Issuer = Type.Object({ issuer: Type.String({ pattern: '^[\\w-]{1,64}$' }) })

type Came = FastifyRequest<{ Querystring: Record<string, string[]> }>

/** Where authorization servers send browsers back to; `callbacks.ts` says which one is whose. */
export const callbackRoutes = (scope: App, needs: CompleteNeeds, browser: AuthorizingBrowser): void => {
  const { desk, findProvider, findStanding, publicUrl } = needs
  const complete = async (request: Came, reply: FastifyReply, path: string) => {
    const query = queryOf(request)
    const state = query.get('state') ?? ''
    const binding = browser.bindingOf(request, state)
    if (binding !== undefined) browser.forget(reply, state)
    const { id: request_id, ip } = request
    const came = { query, binding, redirectUri: `${publicUrl}${path}`, request: { request_id, ip } }
    const { settings } = await completeAuthorization({ ...desk, findProvider, findStanding }, came)
    return sendPage(reply, connectedView(settings.name))
  }
  const config = { access: 'public' } as const
  for (const path of ['/oauth/callback', '/console/api/mcp/oauth/callback'])
    typed(scope).get(path, { config, schema: { querystring: Query } }, (request, reply) =>
      complete(request, reply, path)
    )
  const schema = { querystring: Query, params: Issuer }
  typed(scope).get('/oauth/callback/:issuer', { config, schema }, (request, reply) =>
    complete(request, reply, `/oauth/callback/${request.params.issuer}`)
  )
}

const queryOf = ({ query: given }: Pick<Came, 'query'>) => {
  const query = new URLSearchParams()
  for (const [name, all] of Object.entries(given)) for (const each of all) query.append(name, each)
  return query
}
