import { grantType as tokenExchange } from '../../exchange/exchange.ts'
import type { Metadata } from '../discover.ts'
import type { Settings } from '../settings.ts'
import type { ClientAuthentication } from '../vocabulary.ts'
import type { Finding } from './finding.ts'

type Look = (metadata: Metadata, settings: Settings) => Omit<Finding, 'check'>

const fine = (message: string) => ({ ok: true, message })
const wrong = (message: string) => ({ ok: false, message })

/** RFC 8414 §2, by the names of IANA's registry. */
const methodNames: Readonly<Record<ClientAuthentication, string>> = {
  basic: 'client_secret_basic',
  post: 'client_secret_post',
  private_key_jwt: 'private_key_jwt',
  none: 'none'
}

/** What is looked at in a discovery document, one after the other. */
const rules: Readonly<Record<string, Look>> = {
  pkce: ({ code_challenge_methods_supported: methods }) => {
    if (methods?.includes('S256')) return fine('PKCE with S256 is announced.')
    return wrong('PKCE with S256 is not announced. It is used all the same; an IdP that ignores it protects less.')
  },
  grant_types: ({ grant_types_supported: types }) => {
    if (!types) return fine('Grant types are not announced; authorization_code is the default.')
    const missing = ['authorization_code', 'refresh_token'].filter((type) => !types.includes(type))
    if (missing.length === 0) return fine('authorization_code and refresh_token are announced.')
    return wrong(`Not announced: ${missing.join(', ')}. Without refresh_token nobody can be acted for.`)
  },
  client_authentication: ({ token_endpoint_auth_methods_supported: methods }, { client_authentication }) => {
    // OIDC Discovery §3: left out, it is client_secret_basic.
    const announced = methods ?? ['client_secret_basic']
    if (announced.includes(methodNames[client_authentication])) return fine(`${client_authentication} is announced.`)
    const ours = Object.entries(methodNames).filter(([, name]) => announced.includes(name))
    const others = ours.map(([name]) => name).join(', ') || 'none that is known here'
    return wrong(`client_authentication ${client_authentication} is not announced. Announced: ${others}.`)
  },
  scopes: ({ scopes_supported: announced }, { scopes }) => {
    const wanted = scopes.split(' ')
    const missing = announced ? wanted.filter((scope) => !announced.includes(scope)) : []
    if (missing.length > 0) return wrong(`Not announced: ${missing.join(', ')}.`)
    if (wanted.includes('offline_access')) return fine('offline_access is asked for, so that a refresh token comes.')
    return wrong('offline_access is not among the scopes: most IdPs give no refresh token without it.')
  },
  resource_indicators: (metadata, { resource_support }) => {
    if (resource_support === 'none') return fine('No resource is sent (resource_support is none).')
    if (metadata.resource_indicators_supported || metadata.protected_resources)
      return fine('Resource indicators (RFC 8707) are announced.')
    return wrong(
      'Resource indicators (RFC 8707) are not announced; few IdPs do. Sign in and call a tool: where that is refused with ' +
        'audience_not_supported, or the sign-in with invalid_target, choose resource_support none and identity_mode signed or token_exchange.'
    )
  },
  token_exchange: ({ grant_types_supported: types }) =>
    fine(
      types?.includes(tokenExchange)
        ? 'Token exchange (RFC 8693) is announced.'
        : 'Token exchange (RFC 8693) is not announced; only identity_mode token_exchange and id_jag need it.'
    ),
  sign_out: ({ end_session_endpoint, backchannel_logout_supported }) => {
    const has = [
      ...(end_session_endpoint ? ['sign-out there'] : []),
      ...(backchannel_logout_supported ? ['back-channel logout'] : [])
    ]
    if (has.length > 0) return fine(`Announced: ${has.join(' and ')}.`)
    return wrong('Neither sign-out nor back-channel logout is announced: a session here ends without the one there.')
  }
}

/** What the discovery document says of itself, held against the settings. */
export const readRules = (metadata: Metadata, settings: Settings): Finding[] =>
  Object.entries(rules).map(([check, look]) => ({ check, ...look(metadata, settings) }))
