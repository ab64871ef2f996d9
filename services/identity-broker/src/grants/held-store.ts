import type { RunPrepared } from '@onbehalf/service-kit'
import type { Grant } from '../database.ts'
import { isUndone, itemStatement } from '../together/items-store.ts'
import { together } from '../together/together.ts'

type Asked = Pick<Grant, 'tenant_id' | 'user_id' | 'connection_id'> & { audience: string }

/** A grant as far as it is decided whether it can serve; `is_for`: it was authorised for the server that is asked for. */
export type HeldGrant = Pick<Grant, 'id' | 'connection_id' | 'dead_reason'> & { is_for: boolean }

const columns = 'tenant_id uuid, user_id uuid, connection_id uuid, audience text'

const text = () => `
  select number, (
    select json_agg(
      json_build_object(
        'id', id, 'connection_id', connection_id, 'dead_reason', dead_reason,
        'is_for', resources @> array[given.audience])
      order by updated_at desc)
    from "grant"
    where tenant_id = given.tenant_id and user_id = given.user_id and connection_id = given.connection_id
  ) as row
  from given`

/** Every grant of a user at a connection, the newest first, held against the server that is asked for. */
export const heldFor = (run: RunPrepared): ((asked: Asked) => Promise<HeldGrant[]>) => {
  const find = together(itemStatement<Asked, HeldGrant[]>(run, { name: 'grants of a user', columns, text }), {
    isUndone
  })
  return async (asked) => (await find(asked)) ?? []
}
