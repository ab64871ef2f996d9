import type { Look } from '@onbehalf/lease'
import type { Vault } from '@onbehalf/vault'
import { mintedTokenPlace } from '../place.ts'
import type { Seen } from './look-store.ts'
import type { Brought, Want } from './minted-token.ts'

type Of = { id: string; want: Want; seen: Seen }

/** A look at a grant with what is kept for a want, in clear. */
export const openSeen = async (
  vault: Pick<Vault, 'open'>,
  { id, want, seen: { owner, progress, kept, refusal } }: Of
): Promise<Look<Brought>> => {
  if (!kept) return { ...progress, token: refusal ? { refusal } : undefined }
  const place = mintedTokenPlace({ id, ...owner, generation: kept.generation }, want)
  const token = await vault.open(Buffer.from(kept.token, 'base64'), place)
  return { ...progress, token: { token: { ...kept, token } } }
}
