import { newId } from '@onbehalf/service-kit'
import type { Asker } from '../asker.ts'
import { settingsOf } from './apply-change.ts'
import { checkException, checkSettings } from './check.ts'
import type { Desk } from './desk.ts'
import { providerEvent } from './event.ts'
import { refuseTaken } from './problems.ts'
import { readProvider } from './read.ts'
import { openProvider, sealSettings } from './secrets.ts'
import type { NewProvider, ProviderAnswer } from './shapes.ts'

/** Stores a provider, and only then asks its server for the tools: a server that is away does not lose the provider. */
export const createProvider = async (desk: Desk, asker: Asker, given: NewProvider): Promise<ProviderAnswer> => {
  const settings = settingsOf(given)
  checkException(settings, undefined, asker.isOwner)
  await checkSettings(settings, undefined, desk.checkReachable)
  const owner = { id: newId(), tenant_id: asker.tenant_id }
  const row = await desk.providers
    .insert(
      {
        ...owner,
        ...(await sealSettings(desk.vault, owner, settings)),
        created_by: asker.audit.actor.id,
        tools_status: 'stale',
        tools_error: 'The tools have not been listed yet.'
      },
      providerEvent(asker, 'created', owner.id, {
        fields: Object.keys(given),
        ...(settings.forward_id_token ? { forward_id_token: true } : {})
      })
    )
    .catch(refuseTaken)
  desk.publish(row)
  await desk.refreshTools(await openProvider(desk.vault, row), asker)
  return readProvider(desk, asker, row.id)
}
