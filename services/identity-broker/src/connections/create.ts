import type { AuditContext } from '@onbehalf/service-kit'
import type { Connection } from '../database.ts'
import { newSettings } from './apply-change.ts'
import { checkPlaces, checkSettings } from './check.ts'
import type { Desk } from './desk.ts'
import { connectionEvent } from './event.ts'
import { refuseTaken, tooMany } from './problems.ts'
import type { NewConnection } from './shapes.ts'
import { writeConnection } from './write.ts'

const connectionsMax = 100

/** Stores a connection whose IdP was found to be what it is said to be. */
export const createConnection = async (
  { connections, vault, egress }: Pick<Desk, 'connections' | 'vault' | 'egress'>,
  audit: AuditContext,
  given: NewConnection
): Promise<Connection> => {
  const settings = newSettings(given)
  checkSettings(settings, given)
  const checked = await checkPlaces(egress, settings, undefined)
  const { tenant_id } = audit
  return connections
    .transaction(async (store) => {
      if ((await store.countAlone(tenant_id)) >= connectionsMax) throw tooMany(connectionsMax)
      const { connection } = await writeConnection(
        { store, vault },
        { tenant_id, stored: undefined, settings: checked }
      )
      await store.record(connectionEvent(audit, 'created', connection.id, { fields: Object.keys(given) }))
      return connection
    })
    .catch(refuseTaken)
}
