import type { Grant } from '../database.ts'

type Key = Pick<Grant, 'id' | 'tenant_id' | 'user_id' | 'connection_id' | 'generation'>

/** What a refresh token is sealed for: it opens for this user, connection and generation only. */
export const refreshTokenPlace = ({ id, tenant_id, user_id, connection_id, generation }: Key) => ({
  tenant_id,
  table: 'grant',
  column: 'refresh_token',
  row: id,
  user_id,
  connection_id,
  generation
})

/** What a minted token is sealed for: the whole key it may be found by. */
export const mintedTokenPlace = (
  { id, tenant_id, user_id, connection_id, generation }: Key,
  { audience, mode, scopes }: { audience: string; mode: string; scopes: string }
) => ({
  tenant_id,
  table: 'minted_token',
  column: 'token',
  row: id,
  user_id,
  connection_id,
  generation,
  audience,
  mode,
  scopes
})
