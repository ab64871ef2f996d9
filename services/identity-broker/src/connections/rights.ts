import type { Role } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { mayGive } from '../members/rights.ts'
import type { ConnectionWrites } from './store.ts'

/**
 * Who decides which IdP says who somebody is could become them: so whoever decides that for a connection has to be
 * one who gives and takes the roles of those who sign in by it.
 */
export const requireRightOver = async (
  store: Pick<ConnectionWrites, 'rolesOf'>,
  connectionId: string,
  own: Role | null
): Promise<void> => {
  const roles = await store.rolesOf(connectionId)
  if (roles.every((role) => mayGive(own, role))) return
  throw new ReportedError(
    'forbidden',
    'Owners or admins sign in by this connection: only an owner decides where that leads. Ask an owner.'
  )
}
