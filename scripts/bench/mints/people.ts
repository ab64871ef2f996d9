import { withClient } from '@onbehalf/testkit'
import { signInPeople } from './demo-people.ts'
import { demoPeople, type Rig } from './rig.ts'
import { seedGrants } from './seed.ts'

type Wanted = { total: number; usable: number; audience: string; resources: readonly string[] }
type People = { people: string[]; refreshToken: string }

/**
 * `usable` people with a grant each, of `total` that are stored, and a refresh token to ask the IdP itself with. The demo's
 * IdP refreshes only what it gave, so there they sign in for `audience`, and are as many as it has.
 */
export const peopleFor = async (rig: Rig, { audience, ...wanted }: Wanted): Promise<People> => {
  const { idpName, config, tenant_id, issuer, adminUrl } = rig
  if (idpName === 'demo') {
    rig.register(audience, 'idp_token')
    return signInPeople(config, demoPeople)
  }
  const connections = 'select id from identity_broker.connection'
  const connection_id = await withClient(adminUrl, async (client) => (await client.query(connections)).rows[0].id)
  const people = await seedGrants(config, { ...wanted, tenant_id, connection_id, issuer, adminUrl })
  return { people, refreshToken: 'somebody.first' }
}
