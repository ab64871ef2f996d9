import type { Role } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import type { AuditContext } from '@onbehalf/service-kit'
import type { Desk } from './desk.ts'
import { connectionEvent } from './event.ts'
import { noSuchConnection } from './problems.ts'
import { requireRightOver } from './rights.ts'

type Asker = { role: Role | null; audit: AuditContext }

/**
 * Takes a connection away, with the users who sign in by it: a user is a subject at a connection. Their sessions,
 * grants and roles end with them; what was done as them stays on record. The tenant keeps an owner.
 */
export const removeConnection = async (
  { connections, announce }: Pick<Desk, 'connections' | 'announce'>,
  { role, audit }: Asker,
  id: string
): Promise<void> => {
  const { tenant_id } = audit
  const gone = await connections.transaction(async (store) => {
    if (!(await store.lock(tenant_id, id))) throw noSuchConnection()
    await requireRightOver(store, id, role)
    if (!(await store.hasOwnerElsewhere(tenant_id, id))) throw lastOwners()
    const taken = await store.remove(id)
    const { users, sessions, grants } = taken
    const counts = { users: users.length, sessions: sessions.length, grants: grants.length }
    await store.record(connectionEvent(audit, 'deleted', id, counts))
    return { ...taken, apps: await store.appsLetBy(tenant_id, users) }
  })
  await announce('connection', id)
  await announce('grant', ...gone.grants)
  await announce('session', ...gone.sessions)
  await announce('user', ...gone.users)
  await announce('app', ...gone.apps)
}

const lastOwners = () =>
  new ReportedError(
    'conflict',
    'Every owner signs in by this connection. Make somebody who signs in by another one an owner first.'
  )
