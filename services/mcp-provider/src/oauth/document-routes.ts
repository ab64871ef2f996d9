import { Uuid } from '@onbehalf/contracts'
import type { PublicKey } from '@onbehalf/rpc'
import { type App, typed } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import { noSuchProvider } from '../providers/problems.ts'
import type { ClientDocument } from './document.ts'

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

type Needs = {
  document: ClientDocument
  /** The keys of a tenant that has providers; undefined for everybody else. */
  findPublicKeys: (tenant_id: string) => Promise<readonly PublicKey[] | undefined>
}

/** What authorization servers read about our client. */
export const registerDocuments = (app: App, { document: { document }, findPublicKeys }: Needs): void => {
  const routes = typed(app)
  routes.get(
    '/oauth/client.json',
    { config: { access: 'public' }, schema: { summary: 'Our client, as its client_id', response: { 200: Document } } },
    async (_request, reply) => reply.header('cache-control', 'public, max-age=3600').send(document)
  )
  routes.get(
    '/oauth/tenants/:id/jwks.json',
    {
      config: { access: 'public' },
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
