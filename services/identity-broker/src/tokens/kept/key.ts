/**
 * All that decides which minted token it is; a user has one connection. Scopes are space separated, as OAuth has them.
 * With another `revision` the server may have another authorization server; 0 where nobody said.
 */
export type MintKey = {
  tenant_id: string
  user_id: string
  audience: string
  mode: string
  scopes: string
  revision: number
}
