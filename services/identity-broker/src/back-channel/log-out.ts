import { ReportedError } from '@onbehalf/errors'
import type { Announce } from '../announce.ts'
import type { FindClient } from '../connections/client.ts'
import type { ConnectionStore } from '../connections/store.ts'
import type { VerifyJwt } from '../connections/verify-jwt.ts'
import type { Connection } from '../database.ts'
import type { By } from '../sessions/store.ts'
import type { UserStore } from '../users/store.ts'
import { createReadLogoutToken } from './logout-token.ts'
import type { BackChannelStore } from './store.ts'

type Needs = {
  users: Pick<UserStore, 'findTenant'>
  connections: Pick<ConnectionStore, 'findByName'>
  findClient: FindClient
  verifyJwt: VerifyJwt
  backChannel: BackChannelStore
  announce: Announce
}

export type Place = { tenant: string; connection: string }
export type LogOut = (place: Place, token: string, by: By) => Promise<void>

/**
 * An IdP says that somebody signed out there: their sessions of that connection end everywhere, and with them the grants
 * that were not given for when they are away. Throws `invalid_request` for a token that does not hold, or was used.
 */
export const createBackChannelLogout = ({ backChannel, announce, ...needs }: Needs): LogOut => {
  const readLogoutToken = createReadLogoutToken(needs.verifyJwt)
  return async (place, token, by) => {
    const connection = await findConnection(needs, place)
    const logout = await readLogoutToken(token, await needs.findClient(connection))
    const ended = await backChannel.apply(connection, logout, by)
    if (!ended) throw new ReportedError('invalid_request', 'The logout token was used before.')
    await Promise.all([
      ...ended.sessions.map((id) => announce('session', id)),
      ...ended.grants.map((id) => announce('grant', id))
    ])
  }
}

const findConnection = async (
  { users, connections }: Pick<Needs, 'users' | 'connections'>,
  { tenant: slug, connection: name }: Place
): Promise<Connection> => {
  const tenant = await users.findTenant(slug)
  const found = tenant && (await connections.findByName(tenant.id, name))
  if (found?.kind === 'oidc') return found
  throw new ReportedError('not_found', 'There is no such connection.')
}
