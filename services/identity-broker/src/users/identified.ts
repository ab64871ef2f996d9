import type { User } from '../database.ts'

type Times = Pick<User, 'signed_in_at' | 'identified_at'>

/** When their IdP said last who they are, in a sign-in or for a device; null for somebody it never did of. */
export const lastIdentified = ({ signed_in_at, identified_at }: Times): Date | null => {
  if (signed_in_at === null || identified_at === null) return signed_in_at ?? identified_at
  return signed_in_at > identified_at ? signed_in_at : identified_at
}
