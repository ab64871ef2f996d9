import type { listAudiences } from '@onbehalf/contracts'
import type { Vault } from '@onbehalf/vault'
import type { Static } from '@sinclair/typebox'
import { audienceOf } from './provider.ts'
import { openProvider, urlHashOf } from './secrets.ts'
import type { ProviderStore } from './store.ts'

type Tools = { providers: Pick<ProviderStore, 'forwarding' | 'perhapsAt'>; vault: Pick<Vault, 'open'> }
type Asked = Static<typeof listAudiences.request>

/** What tokens of this tenant's users may be for, and whether one of these is for its members alone. */
export const findAudiences = async (
  tools: Tools,
  { tenant_id, audience }: Asked
): Promise<Static<typeof listAudiences.reply>> => {
  const [audiences, is_for_members] = await Promise.all([
    findForwarding(tools, tenant_id),
    audience === undefined ? undefined : isForMembers(tools, tenant_id, audience)
  ])
  return { audiences, ...(is_for_members === undefined ? {} : { is_for_members }) }
}

const findForwarding = async ({ providers, vault }: Tools, tenant_id: string) => {
  const rows = await providers.forwarding(tenant_id)
  const opened = await Promise.all(rows.map((row) => openProvider(vault, row)))
  return opened.map(({ id, settings }) => {
    const { identity_mode, forward_id_token, server_identifier, name } = settings
    return {
      ...{ provider_id: id, audience: audienceOf(settings), mode: identity_mode, server_identifier, name },
      ...(forward_id_token ? { forward_id_token } : {})
    }
  })
}

/** Where nothing is at exactly this audience, what differs from it in the slash at the end says whom it is for. */
const isForMembers = async ({ providers, vault }: Tools, tenant_id: string, audience: string): Promise<boolean> => {
  const spellings = [audience, audience.endsWith('/') ? audience.slice(0, -1) : `${audience}/`]
  const hashes = spellings.map((one) => urlHashOf({ tenant_id }, one))
  const rows = await providers.perhapsAt(tenant_id, hashes)
  const opened = await Promise.all(rows.map((row) => openProvider(vault, row)))
  const [exact = [], almost = []] = spellings.map((one) =>
    opened.filter(({ settings }) => audienceOf(settings) === one)
  )
  const there = exact.length > 0 ? exact : almost
  return there.length > 0 && there.every(({ settings }) => !settings.external)
}
