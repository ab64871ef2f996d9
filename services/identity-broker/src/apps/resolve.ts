import { type AppPrincipal, principalTicket, type ResolvedPrincipal } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type SigningKey, signTicket } from '@onbehalf/rpc'
import type { ConnectUrl } from '../connect/link.ts'
import type { ActFor, ApiKey } from '../database.ts'
import type { FindLinked, FindWho, Who } from '../links/find-who.ts'
import { nobodyLinked } from '../links/nobody-linked.ts'
import { isStillLet } from '../members/rights.ts'
import type { AppStore } from './app-store.ts'
import type { ApiKeyStore, LiveKey } from './store.ts'
import type { TouchKey } from './touch.ts'

type Needs = {
  apiKeys: Pick<ApiKeyStore, 'findLive'>
  apps: Pick<AppStore, 'find'>
  findLinked: FindLinked
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
      user_role: user?.role ?? null,
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

type ActNeeds = Pick<Needs, 'apps' | 'findLinked' | 'findWho' | 'connectUrl'>

const requireActFor = async (key: LiveKey, given: string, needs: ActNeeds): Promise<Who> => {
  if (key.act_for === 'none') throw denied()
  // Who chooses their own id in the app could choose a colleague's of ours: here only what was linked counts.
  const find = key.act_for === 'linked' ? needs.findLinked(key, given) : needs.findWho(key.tenant_id, key.app_id, given)
  const user = await find
  if (!user) throw await unknown(key, given, needs)
  if (!mayActFor[key.act_for](key, user.id)) throw denied()
  const sayer = { id: key.set_by_id, roleThen: key.set_by_role, role: key.setter_role }
  if (key.set_by_kind === 'system' || isStillLet(sayer, user)) return user
  throw aboveItsSetter()
}

const aboveItsSetter = () =>
  new ReportedError(
    'policy_denied',
    'This app may not act for an owner or an admin. Ask an owner to set act_for of its API key.',
    { details: [{ path: 'user_id', message: 'is an owner or an admin, and no owner let this API key act for them' }] }
  )

const denied = () =>
  new ReportedError('policy_denied', 'This app may not act for that user.', {
    details: [{ path: 'user_id', message: 'is not a user this API key may act for' }]
  })

const unknown = async ({ tenant_id, app_id }: ApiKey, external_id: string, { apps, connectUrl }: ActNeeds) =>
  nobodyLinked(await apps.find(tenant_id, app_id), { tenant_id, external_id }, connectUrl)
