import type { User } from '../database.ts'
import type { GrantStore } from '../grants/store.ts'
import type { UserStore } from '../users/store.ts'
import type { Connect } from './find.ts'

type Needs = { users: Pick<UserStore, 'find'>; grants: Pick<GrantStore, 'listOf'> }

/** Whether a call could be made as somebody now; a sign-in may have left nothing that it could be made with. */
export type IsCovered = (connect: Pick<Connect, 'server'>, who: Pick<User, 'tenant_id' | 'id'>) => Promise<boolean>

export const createIsCovered =
  ({ users, grants }: Needs): IsCovered =>
  async ({ server }, { tenant_id, id }) => {
    if (!server || server.takes === 'sign_in') return true
    const user = await users.find(tenant_id, id)
    if (!user) return false
    const held = await grants.listOf({ tenant_id, user_id: id, connection_id: user.connection_id })
    const alive = held.filter(({ dead_reason }) => dead_reason === null)
    return alive.some(({ resources }) => server.takes === 'grant' || resources.includes(server.audience))
  }
