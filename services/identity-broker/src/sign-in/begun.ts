import type { ConnectionStore } from '../connections/store.ts'
import type { UserStore } from '../users/store.ts'
import { changedMeanwhile, failed } from './failed.ts'
import type { SignInStates } from './state.ts'

type Needs = {
  users: Pick<UserStore, 'findTenant'>
  connections: Pick<ConnectionStore, 'find'>
  states: Pick<SignInStates, 'take'>
}

/**
 * The sign-in that this browser began, with its connection as it was then; it is taken, so it works once. Throws
 * `sign_in_failed` for an unknown, ended or used state, for one of another browser, and where the connection changed.
 */
export const takeBegun = async (
  { users, connections, states }: Needs,
  state: string | null,
  binding: string | undefined
) => {
  const taken = state && binding ? await states.take(state, binding) : undefined
  if (!state || !taken) throw failed('This sign-in has ended, was used already, or began in another browser.')
  const { remembered } = taken
  const connection = await connections.find(remembered.tenant_id, remembered.connection_id)
  if (!connection || connection.revision !== remembered.revision) throw changedMeanwhile()
  const tenant = await users.findTenant(connection.tenant_id)
  if (!tenant) throw changedMeanwhile()
  return { ...taken, state, connection, tenant }
}
