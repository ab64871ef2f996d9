import type { Session } from '../database.ts'

/** What an id_token is sealed for: it opens for this session of this user only. */
export const idTokenPlace = ({ id, tenant_id, user_id }: Pick<Session, 'id' | 'tenant_id' | 'user_id'>) => ({
  tenant_id,
  table: 'session',
  column: 'id_token',
  row: id,
  user_id
})
