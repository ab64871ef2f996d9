import type { Watched } from '@onbehalf/mcp'
import type { Vault } from '@onbehalf/vault'
import type { ProviderRow } from '../database.ts'
import { openProvider } from '../providers/secrets.ts'
import { nobodyOf } from './identity.ts'
import { type CredentialOf, headersWith } from './list.ts'
import type { McpLister } from './mcp-lister.ts'
import { targetOf } from './target.ts'

type Tools = {
  vault: Pick<Vault, 'open'>
  mcp: Pick<McpLister, 'watch'>
  credentialOf: CredentialOf
  now: () => number
}

/** Listens to one provider's server, as nobody, with what the tenant itself has for it. */
export type Watch = (row: ProviderRow, signal: AbortSignal, onChange: () => void) => Promise<Watched>

export const createWatch =
  ({ vault, mcp, credentialOf, now }: Tools): Watch =>
  async (row, signal, onChange) => {
    const provider = await openProvider(vault, row)
    const headers = headersWith(provider.settings, await credentialOf(provider, nobodyOf(provider, now())))
    const carriesCredential = Object.keys(headers).length > 0
    return mcp.watch({ ...targetOf(provider, headers), signal }, { carriesCredential, onChange })
  }
