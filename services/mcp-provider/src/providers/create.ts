import { newId } from '@onbehalf/service-kit'
import type { Asker } from '../asker.ts'
import type { ProviderRow } from '../database.ts'
import { settingsOf } from './apply-change.ts'
import { checkException, checkSettings } from './check.ts'
import type { Desk } from './desk.ts'
import { providerEvent } from './event.ts'
import { refuseTaken, tooMany } from './problems.ts'
import type { Settings } from './provider.ts'
import { readProvider } from './read.ts'
import { openProvider, sealSettings } from './secrets.ts'
import type { NewProvider, ProviderAnswer } from './shapes.ts'
import type { MadeRow } from './store.ts'

/** Of one tenant. */
const providersMax = 1_000

/** Stores a provider, and only then asks its server for the tools: a server that is away does not lose the provider. */
export const createProvider = async (desk: Desk, asker: Asker, given: NewProvider): Promise<ProviderAnswer> => {
  const settings = settingsOf(given)
  checkException(settings, undefined, asker.isOwner)
  await checkSettings(settings, undefined, desk.checkReachable)
  const made = await newRowOf(desk, asker, given, settings)
  const [row] = await storeNew(desk, asker, [made])
  if (!row) throw new Error('a provider was stored and is not there')
  desk.publish(row)
  await desk.refreshTools(await openProvider(desk.vault, row), asker)
  return readProvider(desk, asker, row.id)
}

/** Stores all of them. Throws `conflict` where another provider is in the way, or the tenant has as many as it may. */
export const storeNew = async (
  { providers }: Pick<Desk, 'providers'>,
  { tenant_id }: Pick<Asker, 'tenant_id'>,
  made: readonly MadeRow[]
): Promise<ProviderRow[]> => {
  const rows = await providers.insertAll(tenant_id, made, providersMax).catch(refuseTaken)
  if (!rows) throw tooMany(providersMax)
  return rows
}

/** A provider as it is stored first, with the event of its making. */
export const newRowOf = async (
  { vault }: Pick<Desk, 'vault'>,
  asker: Asker,
  given: NewProvider,
  settings: Settings
): Promise<MadeRow> => {
  const owner = { id: newId(), tenant_id: asker.tenant_id }
  const row = {
    ...owner,
    ...(await sealSettings(vault, owner, settings)),
    created_by: asker.audit.actor.id,
    tools_status: 'stale',
    tools_error: 'The tools have not been listed yet.'
  } as const
  const event = providerEvent(asker, 'created', owner.id, {
    fields: Object.keys(given),
    ...(settings.forward_id_token ? { forward_id_token: true } : {})
  })
  return { row, event }
}
