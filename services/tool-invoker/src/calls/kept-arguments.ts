import type { UserPrincipal } from '@onbehalf/contracts'
import { isJson } from '@onbehalf/mcp'
import type { Vault } from '@onbehalf/vault'
import type { CallRow } from './record.ts'
import type { StoredCall } from './store.ts'

const bytesMax = 16 * 1024

const placeOf = ({ tenant_id, id }: Pick<CallRow, 'tenant_id' | 'id'>) => ({
  ...{ tenant_id, table: 'call', column: 'arguments', row: id }
})

/** The arguments as they rest with their record: sealed, as base64; null where they are larger than 16 KB. */
export const sealArguments = async (
  vault: Pick<Vault, 'seal'>,
  row: Pick<CallRow, 'tenant_id' | 'id'>,
  given: Record<string, unknown>
): Promise<string | null> => {
  const text = JSON.stringify(given)
  if (Buffer.byteLength(text) > bytesMax) return null
  return (await vault.seal(text, placeOf(row))).toString('base64')
}

/** What was kept of the arguments of a call, for whose call it was and for owners; null for everybody else. */
export const readArguments = async (
  vault: Pick<Vault, 'open'>,
  { user_id, role }: Pick<UserPrincipal, 'user_id' | 'role'>,
  row: StoredCall
): Promise<Record<string, unknown> | null> => {
  const mayRead = role === 'owner' || row.user_id === user_id
  if (row.arguments === null || !mayRead) return null
  // An intent is a record of its own, with what its call was given.
  const place = placeOf({ ...row, id: row.call_id ?? row.id })
  const kept: unknown = JSON.parse(await vault.open(Buffer.from(row.arguments, 'base64'), place))
  return isJson(kept) ? kept : null
}
