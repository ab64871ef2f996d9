import { Uuid } from '@onbehalf/contracts'
import type { PublicKey } from '@onbehalf/rpc'
import { type App, typed } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import { noSuchProvider } from '../providers/problems.ts'
import type { ClientDocument } from './document.ts'
import { limitPerMinute } from './limit.ts'

const Words = Type.Array(Type.String())

const Document = Type.Object({
  client_id: Type.String(),
  client_name: Type.String(),
  client_uri: Type.String(),
  application_type: Type.String(),
  redirect_uris: Words,
  grant_types: Words,
  response_types: Words,
  token_endpoint_auth_method: Type.String()
})
const Jwks = Type.Object({ keys: Type.Array(Type.Object({}, { additionalProperties: true })) })

// A limit is among what they refuse with.
const config = { access: 'public', errors: ['too_many_requests'] } as const

type Needs = {
  document: ClientDocument
  /** The keys of a tenant that has providers; undefined for everybody else. */
  findPublicKeys: (tenant_id: string) => Promise<readonly PublicKey[] | undefined>
}

/** Many tenants of one authorization server have one address. */
const readsPerMinute = 600

/** What authorization servers read about our client. */
export const documentRoutes = (needs: Needs) => async (scope: App) => {
  const {
    document: { document },
    findPublicKeys
  } = needs
  limitPerMinute(scope, readsPerMinute, 'Too many documents are read from your address. Wait a little.')
  const routes = typed(scope)
  routes.get(
    '/oauth/client.json',
    { config, schema: { summary: 'Our client, as its client_id', response: { 200: Document } } },
    async (_request, reply) => reply.header('cache-control', 'public, max-age=3600').send(document)
  )
  routes.get(
    '/oauth/tenants/:id/jwks.json',
    {
      config,
      schema: {
        summary: "The keys a tenant's clients show themselves with",
        ...{ params: Type.Object({ id: Uuid }), response: { 200: Jwks } }
      }
    },
    async (request, reply) => {
      const keys = await findPublicKeys(request.params.id)
      if (!keys) throw noSuchProvider()
      const shown = keys.map((key) => ({ ...key, alg: 'ES256', use: 'sig' }))
      return reply.header('cache-control', 'public, max-age=300').send({ keys: shown })
    }
  )
}
