import { isDeepStrictEqual } from 'node:util'
import type { Asker } from '../asker.ts'
import type { Reached } from '../tools/target.ts'
import { applyChange, keptSecrets } from './apply-change.ts'
import { checkException, checkSecretsStay, checkSettings } from './check.ts'
import type { Desk } from './desk.ts'
import { providerEvent } from './event.ts'
import { changedMeanwhile, invalid, noSuchProvider, refuseTaken } from './problems.ts'
import type { Provider, Settings } from './provider.ts'
import { findProvider, readProvider } from './read.ts'
import { openProvider, sealSettings } from './secrets.ts'
import type { ProviderAnswer, ProviderChange } from './shapes.ts'

/** Changes what is named, and lists the tools anew where the server is reached in another way than before. */
export const updateProvider = async (
  desk: Desk,
  asker: Asker,
  { id, change }: { id: string; change: ProviderChange }
): Promise<ProviderAnswer> => {
  const stored = await findProvider(desk, asker.tenant_id, id)
  const next = applyChange(stored.settings, change)
  checkSecretsStay(next, stored.settings, keptSecrets(stored.settings, change))
  checkException(next, stored.settings, asker.isOwner)
  await checkSettings(next, stored.settings, desk.checkReachable)
  if (next.server_url !== stored.settings.server_url)
    await checkAnswers(desk, { tenant_id: asker.tenant_id, settings: next })
  if (!isDeepStrictEqual(next, stored.settings)) await replace(desk, asker, { stored, next })
  return readProvider(desk, asker, id)
}

/** Another server has to answer before it takes the place of this one: a mistake, or a server that is away, loses nothing. */
const checkAnswers = async ({ tryTools }: Pick<Desk, 'tryTools'>, next: Reached): Promise<void> => {
  const { tools_status, tools_error } = await tryTools(next)
  if (tools_status === 'unreachable')
    throw invalid('server_url', `was not changed: ${tools_error?.replace(/\.$/, '') ?? 'it does not answer'}`)
}

const replace = async (
  desk: Desk,
  asker: Asker,
  { stored, next }: { stored: Provider; next: Settings }
): Promise<void> => {
  const isReachedAnew = reachOf(next) !== reachOf(stored.settings)
  const isNewClient = isClientNew(stored, next)
  const authorization_issuer = isNewClient ? issuerFor(stored, next) : stored.authorization_issuer
  const sealed = await sealSettings(desk.vault, stored, next)
  const event = providerEvent(asker, 'updated', stored.id, {
    fields: changedFields(stored.settings, next),
    ...exceptionOf(next, stored.settings)
  })
  const row = await desk.providers
    .replace(
      stored,
      {
        ...{ ...sealed, authorization_issuer },
        // What is under way would show the new client to the server that the old one is known to.
        ...(isNewClient ? { reach_revision: stored.revision + 1 } : {}),
        ...(isReachedAnew ? unlisted(stored) : {})
      },
      {
        dropsTools: next.server_url !== stored.settings.server_url,
        // With the client of before, which is the one that its own server takes them back from.
        dropsCredentials:
          isForAnother(next, stored.settings) ||
          (isNewClient && (authorization_issuer === null || authorization_issuer !== stored.authorization_issuer)),
        // What waited for a review is accepted with everything else.
        approvesTools: next.tool_changes === 'accept',
        event
      }
    )
    .catch(refuseTaken)
  if (!row) throw await lossOf(desk, stored)
  desk.publish(row)
  desk.revokeDropped(row.tenant_id)
  if (isReachedAnew) await desk.refreshTools(await openProvider(desk.vault, row), asker)
}

/** Whether what was authorized is for another server than the one there is now, or for somebody else than who is to call. */
const isForAnother = (next: Settings, before: Settings): boolean =>
  next.server_url !== before.server_url || next.resource !== before.resource || next.auth_scope !== before.auth_scope

/** Whether the provider's own client was not yet shown to any authorization server. */
const isClientNew = ({ settings }: Provider, next: Settings): boolean =>
  next.server_url !== settings.server_url || !isDeepStrictEqual(next.authentication, settings.authentication)

/**
 * Which authorization server a new secret is for: the one an administrator names, else the one of before. The MCP server
 * is not asked: it could send the secret where it likes. Null for another client, which was shown to none yet.
 */
const issuerFor = ({ settings, authorization_issuer }: Provider, next: Settings): string | null => {
  const { server_url, authentication } = next
  if (server_url !== settings.server_url || authentication?.client_id !== settings.authentication?.client_id)
    return null
  return authorization_issuer && (authentication?.issuer ?? authorization_issuer)
}

const unlisted = ({ revision }: Provider) =>
  ({
    reach_revision: revision + 1,
    tools_status: 'stale',
    tools_error: 'The tools have not been listed since the change.'
  }) as const

/** The exception is named with its value: who made it, and who took it back, is to be found. */
const exceptionOf = ({ forward_id_token }: Settings, before: Settings) =>
  forward_id_token === before.forward_id_token ? {} : { forward_id_token }

const changedFields = (before: Settings, after: Settings): string[] => {
  const held = new Map(Object.entries(before))
  return Object.entries(after).flatMap(([name, value]) => (isDeepStrictEqual(held.get(name), value) ? [] : [name]))
}

/** What decides whether and how the server answers us. */
const reachOf = ({ server_url, headers, timeout, sse_read_timeout }: Settings): string =>
  JSON.stringify([server_url, Object.entries(headers), timeout, sse_read_timeout])

const lossOf = async ({ providers }: Pick<Desk, 'providers'>, { tenant_id, id }: Provider) =>
  (await providers.find(tenant_id, id)) ? changedMeanwhile() : noSuchProvider()
