import { PublicKey } from '@onbehalf/rpc'
import { type App, typed } from '@onbehalf/service-kit'
import { Type } from '@sinclair/typebox'
import type { UserStore } from '../users/store.ts'
import type { createCredentials } from './credentials.ts'
import { noSuchConnection } from './problems.ts'
import type { ConnectionStore } from './store.ts'

const Place = Type.Object({
  tenant: Type.String({ minLength: 1, maxLength: 64 }),
  connection: Type.String({ minLength: 1, maxLength: 64 })
})
const Key = Type.Composite([PublicKey, Type.Object({ use: Type.Literal('sig'), alg: Type.Literal('ES256') })])
const KeySet = Type.Object({ keys: Type.Array(Key) })

type Needs = {
  users: Pick<UserStore, 'findTenant'>
  connections: Pick<ConnectionStore, 'findByName'>
  keysOf: ReturnType<typeof createCredentials>['keysOf']
}

/** The keys our clients authenticate with (RFC 7523), for the IdPs to fetch; each connection has its own. */
export const connectionKeyRoutes = (app: App, { users, connections, keysOf }: Needs): void => {
  typed(app).get(
    '/auth/connections/:tenant/:connection/jwks.json',
    { config: { access: 'public' }, schema: { params: Place, response: { 200: KeySet } } },
    async ({ params }, reply) => {
      const tenant = await users.findTenant(params.tenant)
      const connection = tenant && (await connections.findByName(tenant.id, params.connection))
      if (connection?.client_authentication !== 'private_key_jwt') throw noSuchConnection()
      const keys = (await keysOf(connection)).publicKeys()
      reply.header('cache-control', 'public, max-age=300')
      return { keys: keys.map((key) => ({ ...key, use: 'sig' as const, alg: 'ES256' as const })) }
    }
  )
}
