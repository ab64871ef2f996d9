import { isMaskOf } from '@onbehalf/vault'
import { maskPath, maskQuery } from './mask-url.ts'
import { invalid } from './problems.ts'
import { type Authentication, type Headers, type Settings, timeoutDefaults } from './provider.ts'
import type { NewProvider, ProviderChange } from './shapes.ts'

/** The settings of a new provider. */
export const settingsOf = (given: NewProvider): Settings => applyChange({ ...blank, ...required(given) }, given)

const blank = {
  ...timeoutDefaults,
  icon: null,
  icon_type: null,
  icon_background: null,
  headers: {},
  authentication: null,
  forward_user_identity: false,
  identity_mode: 'off',
  forward_id_token: false,
  resource: null,
  auth_scope: 'tenant',
  tool_changes: 'accept',
  external: false,
  keep_arguments: false
} as const

const required = ({ name, server_url, server_identifier }: NewProvider) => ({ name, server_url, server_identifier })

/** Left out is unchanged, null clears, and the mask of a stored value written back keeps that value. */
export const applyChange = (stored: Settings, change: ProviderChange): Settings => {
  const { server_url, headers, configuration, authentication, ...plain } = change
  return {
    ...stored,
    ...plain,
    ...(configuration === null ? timeoutDefaults : configuration),
    server_url: server_url === undefined ? stored.server_url : urlAfter(stored.server_url, server_url),
    headers: headers === undefined ? stored.headers : headersAfter(stored.headers, headers ?? {}),
    authentication:
      authentication === undefined ? stored.authentication : credentialsAfter(stored.authentication, authentication)
  }
}

const urlAfter = (stored: string, given: string): string =>
  given === maskQuery(stored) || given === maskPath(stored) ? stored : given

const kept = (stored: string | null | undefined, given: string): string =>
  stored && isMaskOf(given, stored) ? stored : given

/** The headers as given: what is not named any more is gone. */
const headersAfter = (stored: Headers, given: Headers): Headers =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [name, kept(ownValue(stored, name), value)]))

const ownValue = (headers: Headers, name: string): string | undefined =>
  Object.hasOwn(headers, name) ? headers[name] : undefined

const credentialsAfter = (
  stored: Authentication | null,
  given: NonNullable<ProviderChange['authentication']> | null
): Authentication | null => {
  if (given === null) return null
  const {
    client_id = stored?.client_id,
    client_secret = stored?.client_secret ?? null,
    issuer = stored?.issuer
  } = given
  if (client_id === undefined) throw invalid('authentication.client_id', 'is missing')
  return {
    client_id: kept(stored?.client_id, client_id),
    client_secret: client_secret === null ? null : kept(stored?.client_secret, client_secret),
    ...(issuer ? { issuer } : {})
  }
}

/** The secrets that a change leaves as they are stored, left out or written back as their mask: names of fields. */
export const keptSecrets = (stored: Settings, change: ProviderChange): string[] => {
  const { headers, authentication } = change
  const secret = stored.authentication?.client_secret
  const keepsHeaders =
    Object.keys(stored.headers).length > 0 &&
    (headers === undefined ||
      Object.entries(headers ?? {}).some(([name, value]) => isKept(stored.headers, name, value)))
  const given = authentication === null ? null : authentication?.client_secret
  const keepsSecret = secret
    ? given === undefined || (given !== null && given !== secret && isMaskOf(given, secret))
    : false
  return [...(keepsHeaders ? ['headers'] : []), ...(keepsSecret ? ['authentication'] : [])]
}

const isKept = (stored: Headers, name: string, given: string): boolean => {
  const own = ownValue(stored, name)
  return own !== undefined && own !== given && isMaskOf(given, own)
}
