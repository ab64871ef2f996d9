import type { listAudiences } from '@onbehalf/contracts'
import type { Vault } from '@onbehalf/vault'
import type { Static } from '@sinclair/typebox'
import { audienceOf } from './provider.ts'
import { openProvider } from './secrets.ts'
import type { ProviderStore } from './store.ts'

type Audiences = Static<typeof listAudiences.reply>

/** What tokens of this tenant's users may be for. */
export const findAudiences = async (
  { providers, vault }: { providers: Pick<ProviderStore, 'forwarding'>; vault: Pick<Vault, 'open'> },
  tenant_id: string
): Promise<Audiences> => {
  const rows = await providers.forwarding(tenant_id)
  const opened = await Promise.all(rows.map((row) => openProvider(vault, row)))
  const audiences = opened.map(({ id, settings }) => {
    const { identity_mode, forward_id_token, server_identifier, name } = settings
    return {
      ...{ provider_id: id, audience: audienceOf(settings), mode: identity_mode, server_identifier, name },
      ...(forward_id_token ? { forward_id_token } : {})
    }
  })
  return { audiences }
}
