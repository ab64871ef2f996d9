import type { UserStore } from './store.ts'

/** Whoever is signed in in this browser, as they are kept here. */
export type Visitor = NonNullable<Awaited<ReturnType<UserStore['findWithRole']>>>

export const visitorOf = async (
  users: Pick<UserStore, 'findWithRole'>,
  { tenant_id, user_id }: { tenant_id: string; user_id: string }
): Promise<Visitor> => {
  const visitor = await users.findWithRole(tenant_id, user_id)
  if (visitor) return visitor
  throw new Error('a session without a user')
}
