import { ReportedError } from '@onbehalf/errors'
import type { Vault } from '@onbehalf/vault'
import type { Announce } from '../announce.ts'
import type { Connection } from '../database.ts'
import { connectionEvent } from './event.ts'
import { settingsOf } from './settings.ts'
import type { ConnectionStore, ConnectionWrites } from './store.ts'
import { writeConnection } from './write.ts'

type Needs = { connections: Pick<ConnectionStore, 'transaction'>; vault: Pick<Vault, 'seal'>; announce: Announce }

/**
 * Takes note of the token endpoint that discovery told. Where it is another one than before, the connection has moved:
 * its grants end and its secret is forgotten, until an administrator gives it for the new place.
 */
export const createLearn =
  ({ connections, vault, announce }: Needs) =>
  async (connection: Connection, tokenEndpoint: string): Promise<void> => {
    if (connection.token_endpoint === tokenEndpoint) return
    const moved = await connections.transaction((store) => learn(store, vault, connection, tokenEndpoint))
    if (!moved) return
    await announce('connection', connection.id)
    await announce('grant', ...moved.ended)
    throw new ReportedError(
      'identity_provider_unavailable',
      `The identity provider of "${connection.name}" has moved its token endpoint. Try again.`,
      { retry_after_seconds: 1 }
    )
  }

const learn = async (
  store: ConnectionWrites,
  vault: Needs['vault'],
  { tenant_id, id, revision }: Connection,
  token_endpoint: string
) => {
  const stored = await store.lock(tenant_id, id)
  if (!stored || stored.revision !== revision || stored.token_endpoint === token_endpoint) return undefined
  if (stored.token_endpoint === null) {
    await store.noteTokenEndpoint(stored, token_endpoint)
    return undefined
  }
  const settings = { ...settingsOf(stored, null), token_endpoint }
  const written = await writeConnection({ store, vault }, { tenant_id, stored, settings })
  const details = { fields: ['token_endpoint'], grants_ended: written.ended.length }
  await store.record(connectionEvent({ tenant_id, actor: { kind: 'system' } }, 'moved', id, details))
  return written
}
