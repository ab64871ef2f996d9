import type { RunPrepared } from '@onbehalf/service-kit'
import type { User } from '../database.ts'
import { isUndone } from '../together/items-store.ts'
import { together } from '../together/together.ts'

/** All that a user has: the compiler misses here what the table has more. */
const columns: Record<keyof User, true> = {
  id: true,
  tenant_id: true,
  connection_id: true,
  subject: true,
  email: true,
  is_email_verified: true,
  name: true,
  created_at: true,
  signed_in_at: true,
  identified_at: true
}
const findUsers = {
  name: 'users',
  text: `select ${Object.keys(columns).join(', ')} from "user" where id = any($1::uuid[])`
}

/** One user for a mint; those that are asked for at the same moment are read together. */
export const findUser = (run: RunPrepared) => {
  const find = together<{ tenant_id: string; id: string }, User | null>(
    async (items) => {
      const rows = await run<User>(findUsers, [items.map(({ id }) => id)])
      const users = new Map(rows.map((user) => [user.id, user]))
      return items.map(({ tenant_id, id }) => {
        const user = users.get(id)
        return user?.tenant_id === tenant_id ? user : null
      })
    },
    { isUndone }
  )
  return async (tenant_id: string, id: string): Promise<User | undefined> =>
    (await find({ tenant_id, id })) ?? undefined
}
