import { mask } from '@onbehalf/vault'
import type { KeptTool } from '../tools/tool.ts'
import { maskPath, maskQuery } from './mask-url.ts'
import type { Authentication, Headers, Provider, ShownProvider } from './provider.ts'
import type { ProviderAnswer, ProviderSummary } from './shapes.ts'

/** A provider as it is shown: secrets masked, and less of the URL to those who may not change it. */
export const summaryOf = (
  provider: ShownProvider,
  { isAdministrator }: { isAdministrator: boolean }
): ProviderSummary => {
  const { id, revision, tools_status, tools_error, tools_left_out, settings } = provider
  const { server_url, resource, headers, authentication, timeout, sse_read_timeout, ...plain } = settings
  return {
    id,
    ...plain,
    server_url: isAdministrator ? maskQuery(server_url) : maskPath(server_url),
    resource: resource && !isAdministrator ? maskPath(resource) : resource,
    masked_headers: maskHeaders(headers),
    configuration: { timeout, sse_read_timeout },
    authentication: authentication && maskCredentials(authentication),
    warnings: warningsOf(settings),
    ...{ tools_status, tools_error, tools_left_out, revision },
    created_at: provider.created_at.toISOString(),
    updated_at: provider.updated_at.toISOString()
  }
}

export const answerOf = (
  provider: ShownProvider,
  tools: KeptTool[],
  reader: { isAdministrator: boolean }
): ProviderAnswer => ({
  ...summaryOf(provider, reader),
  tools
})

const maskHeaders = (headers: Headers): Headers =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, mask(value)]))

/** What the settings give away that others do not. */
const warningsOf = ({ forward_id_token }: Provider['settings']): string[] =>
  forward_id_token
    ? [
        'forward_id_token: this server gets ID tokens, whose audience is our client at the identity provider. It could show them elsewhere as the user. Use an access token for the server as soon as the identity provider gives one.'
      ]
    : []

const maskCredentials = ({ client_id, client_secret, ...rest }: Authentication): Authentication => ({
  ...rest,
  client_id: mask(client_id),
  client_secret: client_secret === null ? null : mask(client_secret)
})
