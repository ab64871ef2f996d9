import type { SigningKeysOf } from '@onbehalf/service-kit'
import type { Connection } from '../database.ts'
import type { Credentials } from './authenticate.ts'
import { type ConnectionStore, keyPurpose } from './store.ts'

type Needs = { connections: Pick<ConnectionStore, 'secretOf'>; signingKeysOf: SigningKeysOf }

/** What the tenant's client at its IdP authenticates with. */
export const createCredentials = ({ connections, signingKeysOf }: Needs) => {
  /** Our own keys for `private_key_jwt` at this connection; made when they are first asked for. */
  const keysOf = ({ tenant_id, id }: Pick<Connection, 'tenant_id' | 'id'>) =>
    signingKeysOf({ tenant_id, purpose: keyPurpose(id) })
  return {
    keysOf,
    credentialsOf: async (connection: Connection): Promise<Credentials> => ({
      secret: await connections.secretOf(connection),
      findKey: async () => (await keysOf(connection)).signingKey()
    })
  }
}
