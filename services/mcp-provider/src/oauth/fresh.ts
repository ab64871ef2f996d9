import type { FreshCredential } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { RefreshFailure } from '@onbehalf/lease'
import { hashOf } from '@onbehalf/service-kit'
import type { CredentialRow } from '../database.ts'
import { isForwarding, type Provider } from '../providers/provider.ts'
import { readChallenge } from './challenge.ts'
import { chooseCredential } from './choose.ts'
import { connectPath } from './connect-path.ts'
import type { AccessToken } from './credential.ts'
import type { Authorizations } from './describe.ts'
import { misconfigured } from './problems.ts'
import type { CredentialRefresher } from './refresh/refresh.ts'
import { covers, unionOf } from './scopes.ts'
import type { CredentialStore } from './store.ts'

type Needs = {
  credentials: Pick<CredentialStore, 'find' | 'want' | 'dropToken' | 'current'>
  refresher: Pick<CredentialRefresher, 'obtain'>
  authorizations: Pick<Authorizations, 'describe'>
  publicUrl: string
  now: () => number
}

/** What a server refused a call with. */
export type Refused = { status: 401 | 403; challenge?: string; token_hash?: string }

type Asked = {
  user_id: string | null
  refused?: Refused | undefined
  /** Throws where nobody may have anything for this user; asked only where there is something, or could be. */
  checkUser?: () => Promise<void>
  deadlineAt: number
}

export type FindFresh = (provider: Provider, asked: Asked) => Promise<FreshCredential | null>

/** A token that its server refused is replaced when it is so old: a server that refuses each new one is not asked on. */
const replaceAfterSeconds = 60

/**
 * What a provider's server is sent for somebody; null: its headers alone. Throws `upstream_authorization_required` where
 * a person has to authorize first, with the page where that begins.
 */
export const createFindFresh =
  (needs: Needs): FindFresh =>
  async (provider, { user_id, refused, checkUser, deadlineAt }) => {
    if (isForwarding(provider.settings)) return null
    const { credentials } = needs
    const row = await chooseCredential(credentials, provider, user_id)
    if (!row) {
      // Who has a server where others authorized is not sent there without anything.
      const isKnown = provider.settings.auth_scope === 'user' && provider.authorization_issuer !== null
      if (refused && !(await hasAuthorization(needs, provider, refused))) return null
      if (!refused && !(isKnown && user_id !== null)) return null
    }
    await checkUser?.()
    if (!row || row.dead_reason !== null) throw required(needs, provider)
    if (refused) await learn(needs, provider, row, refused)
    const { token, expires_at } = await obtain(needs, provider, row, deadlineAt)
    if (refused?.token_hash === hashOf(token)) throw required(needs, provider)
    return { id: row.id, token, expires_at: expires_at === null ? null : Math.floor(expires_at / 1000) }
  }

/** Whether a person could get a credential at all: where the server names nobody who gives any, its refusal stands. */
const hasAuthorization = async (
  { authorizations }: Pick<Needs, 'authorizations'>,
  { settings }: Provider,
  { challenge }: Refused
): Promise<boolean> =>
  authorizations.describe(settings, { challenge, known: [] }).then(
    () => true,
    () => false
  )

/** What the server's refusal says of the credential that it was sent. */
const learn = async (
  needs: Needs,
  provider: Provider,
  row: CredentialRow,
  { status, challenge, token_hash: hash }: Refused
): Promise<void> => {
  const { credentials, authorizations } = needs
  if (status === 403) return stepUp(needs, provider, row, readChallenge(challenge).scope)
  // The server may have another authorization server by now, and then nothing of this one is sent any more.
  const { server } = await authorizations.describe(provider.settings, { challenge, known: [row.issuer] })
  if (server.issuer !== row.issuer) throw required(needs, provider)
  if (hash) await credentials.dropToken(row.id, { hash, ageSeconds: replaceAfterSeconds })
}

/**
 * Asks for what is missing on top of what there is; a server that wants what it was shown is not asked on, and nobody is
 * asked again for what their authorization server withheld: whoever can have it by now authorizes anew by themselves.
 */
const stepUp = async (
  needs: Needs,
  provider: Provider,
  { id, scope, wanted_scope, withheld_scope }: CredentialRow,
  missing: string | undefined
): Promise<void> => {
  const isWithheld = missing !== undefined && withheld_scope !== null && covers(unionOf(scope, withheld_scope), missing)
  if (!missing || isWithheld || covers(scope, missing))
    throw new ReportedError(
      'upstream_insufficient_scope',
      'The MCP server wants more rights than its authorization server gave.',
      missing ? { details: [{ path: 'scope', message: missing }] } : {}
    )
  await needs.credentials.want(id, unionOf(wanted_scope ?? withheld_scope ?? scope, missing))
  throw required(needs, provider)
}

const obtain = async (
  needs: Needs,
  provider: Provider,
  { id, resource, refused_reason }: CredentialRow,
  deadlineAt: number
): Promise<AccessToken> => {
  try {
    return await needs.refresher.obtain(id, { resource }, deadlineAt)
  } catch (error) {
    if (error instanceof RefreshFailure && error.reason === 'dead') throw required(needs, provider, error)
    // Neither the authorization server nor we refused it: that is a fault of ours, which nothing hides.
    if (!(error instanceof RefreshFailure || error instanceof ReportedError)) throw error
    // It is renewed ahead of its end, so that one that is still good gets over a server that is away, or refuses us.
    const current = await needs.credentials.current(id)
    if (current) return current
    if (!(error instanceof RefreshFailure)) throw error
    if (refused_reason !== null) throw misconfigured(error)
    throw new ReportedError(
      'upstream_unavailable',
      "The MCP server's authorization server does not answer. Try again.",
      {
        ...{ cause: error, retry_after_seconds: error.retryAfterSeconds }
      }
    )
  }
}

const required = ({ publicUrl }: Pick<Needs, 'publicUrl'>, { id, settings }: Provider, cause?: unknown) => {
  const who = settings.auth_scope === 'user' ? 'You have' : 'An owner or admin has'
  return new ReportedError(
    'upstream_authorization_required',
    `${who} to authorize at "${settings.name}" first: open authorize_url in a browser.`,
    { cause, authorize_url: `${publicUrl}${connectPath(id)}` }
  )
}
