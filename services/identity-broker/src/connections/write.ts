import { newId } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import type { Connection } from '../database.ts'
import { changedMeanwhile } from './problems.ts'
import { isMoved, type Settings } from './settings.ts'
import { type ConnectionWrites, secretPlace } from './store.ts'

/** A connection that was written, and its grants that this ended: to be announced after the commit. */
export type Written = { connection: Connection; ended: string[] }

type Needs = { store: ConnectionWrites; vault: Pick<Vault, 'seal'> }
type Asked = { tenant_id: string; stored: Connection | undefined; settings: Settings }

/**
 * The one way in which a connection comes to be, or changes. A refresh token is bound to issuer, token endpoint and
 * client: where one of them is another now, every grant ends, and nothing stored goes to the new place. What was
 * suspected of the former place goes too, and what is decided now.
 */
export const writeConnection = async (
  { store, vault }: Needs,
  { tenant_id, stored, settings }: Asked
): Promise<Written> => {
  const id = stored?.id ?? newId()
  const { client_secret, ...plain } = settings
  const sealed = client_secret === null ? null : await vault.seal(client_secret, secretPlace({ tenant_id, id }))
  const row = { ...plain, client_secret: sealed }
  if (!stored) return { connection: await store.insert({ id, tenant_id, ...row }), ended: [] }
  const connection = await store.replace(stored, row)
  if (!connection) throw changedMeanwhile()
  const isBound = !isMoved(stored, settings) && stored.client_id === settings.client_id
  await store.dropSuspicions(id, isBound ? settings.quirks : undefined)
  return { connection, ended: isBound ? [] : await store.endGrants(id) }
}
