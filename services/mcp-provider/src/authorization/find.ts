import type { ProviderAuthorization } from '@onbehalf/contracts'
import type { Egress } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import type { Vault } from '@onbehalf/vault'
import { noSuchProvider } from '../providers/problems.ts'
import { type Authentication, audienceOf, modeOf } from '../providers/provider.ts'
import { openProvider } from '../providers/secrets.ts'
import type { ProviderStore } from '../providers/store.ts'
import { discover } from './discover.ts'
import { holdMetadata } from './held.ts'
import type { Resource } from './resource.ts'
import type { ServerMetadata } from './server.ts'

type Needs = {
  providers: Pick<ProviderStore, 'find'>
  vault: Pick<Vault, 'open'>
  egress: Pick<Egress, 'request' | 'checkReachable'>
}
type Asked = { tenant_id: string; provider_id: string }

const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

export type FindAuthorization = (asked: Asked) => Promise<ProviderAuthorization>

/** Where the token of an `id_jag` provider is got, and with which client. What was discovered is held for ten minutes. */
export const createFindAuthorization = ({ providers, vault, egress }: Needs): FindAuthorization => {
  const held = holdMetadata()
  const metadataOf = async (where: Resource, issuer: string): Promise<ServerMetadata> => {
    const key = `${where.server_url} ${where.resource} ${issuer}`
    return held.get(key) ?? held.hold(key, discover(egress, where, issuer))
  }
  return async ({ tenant_id, provider_id }) => {
    const row = await providers.find(tenant_id, provider_id)
    const settings = row && (await openProvider(vault, row)).settings
    if (!settings || modeOf(settings) !== 'id_jag') throw noSuchProvider()
    const { authentication, server_url } = settings
    const issuer = authentication?.issuer
    if (!authentication || !issuer) throw new Error('an id_jag provider without authentication.issuer')
    const { token_endpoint, ...supported } = await metadataOf({ server_url, resource: audienceOf(settings) }, issuer)
    const { client_id, client_secret } = authentication
    return {
      issuer,
      token_endpoint,
      client_id,
      client_secret,
      client_authentication: choose(authentication, supported)
    }
  }
}

const methods = { client_secret_basic: 'basic', client_secret_post: 'post' } as const

/** RFC 8414 §2: basic, where it does not say. */
const choose = (
  { client_secret }: Authentication,
  {
    grant_types_supported: grants,
    token_endpoint_auth_methods_supported: supported = ['client_secret_basic']
  }: Omit<ServerMetadata, 'token_endpoint'>
): ProviderAuthorization['client_authentication'] => {
  if (grants && !grants.includes(jwtBearer))
    throw new ReportedError('audience_not_supported', `The authorization server does not take the grant ${jwtBearer}.`)
  if (client_secret === null) return 'none'
  const [method] = (['client_secret_basic', 'client_secret_post'] as const).filter((one) => supported.includes(one))
  if (method) return methods[method]
  throw new ReportedError('audience_not_supported', 'The authorization server takes no client_secret.')
}
