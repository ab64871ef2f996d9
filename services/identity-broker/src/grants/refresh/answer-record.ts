import { newId } from '@onbehalf/service-kit'
import { hashIn, keyOf } from '../../issuances/row.ts'
import type { Brought, Wanted } from './minted-token.ts'

/** The record that its asker was given the token, as the answer's statement has it, and under what its uses are counted. */
export const recordOf = ({ asker, audience }: Wanted, { token: minted }: Brought) => {
  if (!asker || !minted) return undefined
  const record_hash = hashIn(minted.token, audience)
  const { kind: actor_kind, id: actor_id } = asker
  return { key: keyOf(record_hash, asker), columns: { record_id: newId(), record_hash, actor_kind, actor_id } }
}
