import type { Grant } from '../../database.ts'
import type { GrantStore } from '../../grants/store.ts'
import type { MintRequest } from './mode.ts'
import { noneAlive } from './refusals.ts'

/** The one that was given last, of those that are alive: what it was authorised for does not matter. */
export const liveGrant = async (grants: Pick<GrantStore, 'listOf'>, request: MintRequest): Promise<Grant> => {
  const { tenant_id, id: user_id, connection_id } = request.user
  const held = await grants.listOf({ tenant_id, user_id, connection_id })
  const [newest] = held.filter(({ dead_reason }) => dead_reason === null).sort((a, b) => (a.id < b.id ? 1 : -1))
  if (newest) return newest
  throw noneAlive(held)
}
