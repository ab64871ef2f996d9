import type { Look } from '@onbehalf/lease'
import type { RunPrepared } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import type { Grant } from '../database.ts'
import { isUndone, itemStatement, rowColumn } from '../together/items-store.ts'
import { together } from '../together/together.ts'
import { keptTables, type Seen, seenColumn } from './refresh/look-store.ts'
import type { Brought, Want } from './refresh/minted-token.ts'
import { openSeen } from './refresh/seen.ts'

type Asked = Pick<Grant, 'tenant_id' | 'user_id' | 'connection_id'> & Want

type Found = Pick<Grant, 'id' | 'connection_id' | 'dead_reason'> & { is_for: boolean; seen: Seen }

/**
 * A grant as far as it is decided whether it can serve; `is_for`: it was authorised for the server that is asked for.
 * `look` is what its refresher would ask for next.
 */
export type HeldGrant = Omit<Found, 'seen'> & { look: Look<Brought> }

const columns = 'tenant_id uuid, user_id uuid, connection_id uuid, audience text, mode text, scopes text'

const text = () => `
  select number, (
    select json_agg(
      json_build_object(
        'id', "grant".id, 'connection_id', connection_id, 'dead_reason', dead_reason,
        'is_for', resources @> array[given.audience], 'seen', ${seenColumn})
      order by updated_at desc)
    from "grant" ${keptTables}
    where tenant_id = given.tenant_id and user_id = given.user_id and connection_id = given.connection_id
  ) as row
  from given`

/** Every grant of a user at a connection, the newest first, held against the server that is asked for. */
export const heldFor = (run: RunPrepared, vault: Pick<Vault, 'open'>): ((asked: Asked) => Promise<HeldGrant[]>) => {
  const find = together(
    itemStatement<Asked, Found[]>(run, { name: 'grants of a user', columns, text, rowOf: rowColumn }),
    { isUndone }
  )
  return async (asked) => {
    const found = (await find(asked)) ?? []
    const open = async ({ seen, ...grant }: Found) => ({
      ...grant,
      look: await openSeen(vault, { id: grant.id, want: asked, seen })
    })
    return Promise.all(found.map(open))
  }
}
