import { type AppPrincipal, principalTicket, type ResolvedPrincipal } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type SigningKey, signTicket } from '@onbehalf/rpc'
import type { ConnectUrl } from '../connect/link.ts'
import type { ActFor, ApiKey, User } from '../database.ts'
import type { FindWho } from '../links/find-who.ts'
import { nobodyLinked } from '../links/nobody-linked.ts'
import type { LinkStore } from '../links/store.ts'
import type { AppStore } from './app-store.ts'
import type { ApiKeyStore } from './store.ts'
import type { TouchKey } from './touch.ts'

type Needs = {
  apiKeys: Pick<ApiKeyStore, 'findLive'>
  links: Pick<LinkStore, 'userOf'>
  apps: Pick<AppStore, 'find'>
  findWho: FindWho
  signingKey: () => SigningKey
  onUse: TouchKey
  connectUrl: ConnectUrl
}

/** A century: what a key without an end is told to last. */
const noEnd = 100 * 365 * 86_400

/** Which app a key belongs to, and, when a user is named, whether that app may act for them. */
export const createApiKeyResolver =
  ({ signingKey, onUse, ...needs }: Needs) =>
  async ({ key_hash, user_id }: { key_hash: string; user_id?: string }): Promise<ResolvedPrincipal> => {
    const found = await needs.apiKeys.findLive(key_hash)
    if (!found) throw new ReportedError('invalid_bearer', 'The API key is not valid.')
    const user = user_id === undefined ? undefined : await requireActFor(found, user_id, needs)
    onUse(found)
    const principal: AppPrincipal = {
      kind: 'app',
      tenant_id: found.tenant_id,
      app_id: found.app_id,
      user_id: user?.id ?? null,
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

const mayActFor: Readonly<Record<ActFor, (key: ApiKey, userId: string) => boolean>> = {
  none: () => false,
  linked: () => true,
  listed: ({ listed }, userId) => listed.includes(userId),
  any: () => true
}

type ActNeeds = Pick<Needs, 'apps' | 'links' | 'findWho' | 'connectUrl'>

const requireActFor = async (key: ApiKey, given: string, needs: ActNeeds): Promise<User> => {
  if (key.act_for === 'none') throw denied()
  // Who chooses their own id in the app could choose a colleague's of ours: here only what was linked counts.
  const find =
    key.act_for === 'linked' ? needs.links.userOf(key, given) : needs.findWho(key.tenant_id, key.app_id, given)
  const user = await find
  if (!user) throw await unknown(key, given, needs)
  if (mayActFor[key.act_for](key, user.id)) return user
  throw denied()
}

const denied = () =>
  new ReportedError('policy_denied', 'This app may not act for that user.', {
    details: [{ path: 'user_id', message: 'is not a user this API key may act for' }]
  })

const unknown = async ({ tenant_id, app_id }: ApiKey, external_id: string, { apps, connectUrl }: ActNeeds) =>
  nobodyLinked(await apps.find(tenant_id, app_id), { tenant_id, external_id }, connectUrl)
