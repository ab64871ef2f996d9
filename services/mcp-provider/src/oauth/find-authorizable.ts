import { isExternal, type Principal } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import type { Provider } from '../providers/provider.ts'
import { sightOf } from '../providers/sight.ts'
import { ownHolder } from './authorize.ts'
import type { CredentialStore } from './store.ts'

type FindProvider = (tenant_id: string, id: string) => Promise<Provider>

/** A provider that somebody may connect; for external users there are those alone that are marked for them. */
export const findAuthorizable = async (
  findProvider: FindProvider,
  principal: Principal,
  id: string
): Promise<Provider> => {
  const { tenant_id, isExternal } = sightOf(principal)
  if (!isExternal) return findProvider(tenant_id, id)
  const provider = await findProvider(tenant_id, id).catch(asNotForThem)
  return provider.settings.external ? provider : asNotForThem(notThere)
}

/**
 * A provider at which somebody may see and take back what was authorized; external users do that for what is their own,
 * also where it is not marked for them any more.
 */
export const findAuthorized = async (
  { credentials, findProvider }: { credentials: Pick<CredentialStore, 'find'>; findProvider: FindProvider },
  principal: Principal,
  id: string
): Promise<Provider> => {
  const { tenant_id, user_id } = principal
  if (!isExternal(principal)) return findProvider(tenant_id, id)
  const held = await credentials.find({ tenant_id, provider_id: id, user_id })
  const provider = await (held ? findProvider(tenant_id, id) : findAuthorizable(findProvider, principal, id))
  ownHolder(provider, { isAdministrator: false, user_id })
  return provider
}

const notThere = new ReportedError('not_found', 'It is not marked for external users.')

// Whether there is one at all is for members to know.
const asNotForThem = (cause: unknown): never => {
  if (!(cause instanceof ReportedError && cause.code === 'not_found')) throw cause
  throw new ReportedError(
    'not_found',
    'There is no MCP provider here that you could connect. An administrator can open one to external users, for whom it has to have external and auth_scope "user".',
    { cause }
  )
}
