import { type AuditEvent, newId } from '@onbehalf/service-kit'
import type { Asker } from '../asker.ts'
import type { NewProviderRow } from '../database.ts'
import { settingsOf } from './apply-change.ts'
import { checkException, checkSettings } from './check.ts'
import type { Desk } from './desk.ts'
import { providerEvent } from './event.ts'
import { refuseTaken } from './problems.ts'
import type { Settings } from './provider.ts'
import { readProvider } from './read.ts'
import { openProvider, sealSettings } from './secrets.ts'
import type { NewProvider, ProviderAnswer } from './shapes.ts'

/** Stores a provider, and only then asks its server for the tools: a server that is away does not lose the provider. */
export const createProvider = async (desk: Desk, asker: Asker, given: NewProvider): Promise<ProviderAnswer> => {
  const settings = settingsOf(given)
  checkException(settings, undefined, asker.isOwner)
  await checkSettings(settings, undefined, desk.checkReachable)
  const made = await newRowOf(desk, asker, given, settings)
  const row = await desk.providers.insert(made.row, made.event).catch(refuseTaken)
  desk.publish(row)
  await desk.refreshTools(await openProvider(desk.vault, row), asker)
  return readProvider(desk, asker, row.id)
}

/** A provider as it is stored first, with the event of its making. */
export const newRowOf = async (
  { vault }: Pick<Desk, 'vault'>,
  asker: Asker,
  given: NewProvider,
  settings: Settings
): Promise<{ row: NewProviderRow; event: AuditEvent }> => {
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
