import { checkUrl, type Egress } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { checkHeaders } from './check-headers.ts'
import { invalid } from './problems.ts'
import { audienceOf, isForwarding, type Settings } from './provider.ts'

export type CheckReachable = Egress['checkReachable']

/** Throws `invalid_request`, naming the fields, where `next` must not be stored in the place of `stored`. */
export const checkSettings = async (
  next: Settings,
  stored: Settings | undefined,
  checkReachable: CheckReachable
): Promise<void> => {
  checkIdentity(next)
  await checkAuthorization(next, checkReachable)
  checkHeaders(next.headers)
  const isMoved = next.server_url !== stored?.server_url
  if (isMoved) checkServerUrl(next.server_url)
  checkResource(next)
  // RFC 8707 §2: a resource has no query; and an audience is no place for a secret, because tokens show it.
  if (isForwarding(next) && audienceOf(next).includes('?'))
    throw invalid('server_url', 'has a query (?…), which an audience must not have; leave it out to forward identity')
  const isNewlyForwarding = isForwarding(next) && (isMoved || !stored || !isForwarding(stored))
  if (isNewlyForwarding) await checkTransport(next.server_url, checkReachable)
}

/**
 * Stored secrets were given for one server, and those of a client for one authorization server: whoever names another
 * one gives them anew, or clears them.
 */
export const checkSecretsStay = (next: Settings, stored: Settings, kept: string[]): void => {
  if (kept.includes('authentication') && next.authentication?.issuer !== stored.authentication?.issuer)
    throw invalid('authentication.client_secret', 'must be given anew, or null, for another authentication.issuer')
  if (kept.length === 0 || originOf(next.server_url) === originOf(stored.server_url)) return
  throw new ReportedError('invalid_request', `${kept.join(' and ')} must be given anew, or null, for another server.`, {
    details: kept.map((path) => ({ path, message: 'was stored for another server' }))
  })
}

const originOf = (url: string): string => (URL.canParse(url) ? new URL(url).origin : url)

const checkIdentity = ({ forward_user_identity, identity_mode }: Settings): void => {
  if (!forward_user_identity || identity_mode !== 'off') return
  const message = 'forward_user_identity cannot be true while identity_mode is "off". Choose a mode, or do not forward.'
  throw new ReportedError('invalid_request', message, {
    details: [
      { path: 'forward_user_identity', message: 'is true, which needs an identity_mode' },
      { path: 'identity_mode', message: 'is "off", which forwards nothing' }
    ]
  })
}

/** Throws where a credential could not be got or sent as the mode needs it, naming the field. */
const checkAuthorization = async (
  { authentication, forward_user_identity, identity_mode }: Settings,
  checkReachable: CheckReachable
): Promise<void> => {
  if (!forward_user_identity || identity_mode !== 'id_jag') return
  const issuer = authentication?.issuer
  if (!issuer) throw invalid('authentication.issuer', 'is needed for identity_mode "id_jag", with a client_id there')
  if (/[?#]/.test(issuer)) throw invalid('authentication.issuer', 'has a query or a fragment, which no issuer has')
  await checkReachable(issuer, { carriesCredential: true }).catch((cause: unknown) => {
    throw invalid('authentication.issuer', 'may not be called, or is no https URL', cause)
  })
}

/** Throws where somebody who is no owner makes the exception, or moves it to another server. */
export const checkException = (next: Settings, stored: Settings | undefined, isOwner: boolean): void => {
  if (!next.forward_id_token) return
  if (!next.forward_user_identity || next.identity_mode !== 'idp_token')
    throw invalid('forward_id_token', 'is for identity_mode "idp_token" with forward_user_identity only')
  const isNew = !stored?.forward_id_token || stored.server_url !== next.server_url
  if (!isNew || isOwner) return
  throw new ReportedError('forbidden', 'Only an owner can let a server have ID tokens.', {
    details: [{ path: 'forward_id_token', message: 'can be set, or kept for another server_url, by an owner only' }]
  })
}

// The URL is also the audience of the tokens, so it is checked and never rewritten.
const checkServerUrl = (server_url: string): void => {
  try {
    checkUrl(server_url)
  } catch (cause) {
    throw invalid('server_url', cause instanceof ReportedError ? wordsOf(cause) : 'is not a URL', cause)
  }
  if (server_url.includes('#')) throw invalid('server_url', 'has a fragment (#…), which is never sent; leave it out')
}

// An id of another origin would let one server ask for the tokens of another.
const checkResource = ({ resource, server_url }: Settings): void => {
  if (resource === null) return
  try {
    checkUrl(resource)
  } catch (cause) {
    throw invalid('resource', cause instanceof ReportedError ? wordsOf(cause) : 'is not a URL', cause)
  }
  if (/[?#]/.test(resource)) throw invalid('resource', 'has a query or a fragment, which no audience has')
  if (originOf(resource) !== originOf(server_url)) throw invalid('resource', 'must be of the same origin as server_url')
}

const wordsOf = ({ message }: ReportedError): string => message.replace(/^The URL /, '').replace(/\.$/, '')

const checkTransport = async (server_url: string, checkReachable: CheckReachable): Promise<void> => {
  if (/^https:/i.test(server_url)) return
  await checkReachable(server_url, { carriesCredential: true }).catch((cause: unknown) => {
    throw invalid('server_url', 'must be https where the identity of users is forwarded', cause)
  })
}
