import { type AppPrincipal, principalTicket, type ResolvedPrincipal } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type SigningKey, signTicket } from '@onbehalf/rpc'
import type { ConnectUrl } from '../connect/link.ts'
import type { ActFor, ApiKey } from '../database.ts'
import type { UserStore } from '../users/store.ts'
import type { ApiKeyStore } from './store.ts'
import type { TouchKey } from './touch.ts'

type Needs = {
  apiKeys: Pick<ApiKeyStore, 'findLive' | 'isLinked'>
  users: Pick<UserStore, 'find'>
  signingKey: () => SigningKey
  onUse: TouchKey
  connectUrl: ConnectUrl
}

/** A century: what a key without an end is told to last. */
const noEnd = 100 * 365 * 86_400

/** Which app a key belongs to, and, when a user is named, whether that app may act for them. */
export const createApiKeyResolver =
  ({ apiKeys, users, signingKey, connectUrl, onUse }: Needs) =>
  async ({ key_hash, user_id }: { key_hash: string; user_id?: string }): Promise<ResolvedPrincipal> => {
    const found = await apiKeys.findLive(key_hash)
    if (!found) throw new ReportedError('invalid_bearer', 'The API key is not valid.')
    if (user_id) await requireActFor(found, user_id, { apiKeys, users, connectUrl })
    onUse(found)
    const principal: AppPrincipal = {
      kind: 'app',
      tenant_id: found.tenant_id,
      app_id: found.app_id,
      user_id: user_id ?? null,
      scopes: found.scopes,
      credential: { kind: 'api_key', id: found.id }
    }
    const { ticket } = await signTicket(principalTicket, principal, {
      issuer: 'identity-broker',
      key: signingKey()
    })
    const end = found.expires_at ? found.expires_at.getTime() / 1000 : Date.now() / 1000 + noEnd
    return { principal, ticket, credential_expires_at: Math.floor(end) }
  }

type IsLinked = ApiKeyStore['isLinked']
type MayActFor = (key: ApiKey, userId: string, isLinked: IsLinked) => boolean | Promise<boolean>

const mayActFor: Readonly<Record<ActFor, MayActFor>> = {
  none: () => false,
  linked: ({ app_id }, userId, isLinked) => isLinked(app_id, userId),
  listed: ({ listed }, userId) => listed.includes(userId),
  any: () => true
}

const requireActFor = async (
  key: ApiKey,
  userId: string,
  { apiKeys, users, connectUrl }: Pick<Needs, 'apiKeys' | 'users' | 'connectUrl'>
) => {
  if (!(await mayActFor[key.act_for](key, userId, apiKeys.isLinked)))
    throw new ReportedError('policy_denied', 'This app may not act for that user.', {
      details: [{ path: 'user_id', message: 'is not a user this API key may act for' }]
    })
  if (await users.find(key.tenant_id, userId)) return
  throw new ReportedError('no_refresh_token', 'Nobody signed in as this user yet.', {
    connect_url: connectUrl({ tenant_id: key.tenant_id, app_id: key.app_id })
  })
}
