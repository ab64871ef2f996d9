import { isMaskOf } from '@onbehalf/vault'
import { applySaml } from '../saml/settings.ts'
import { blankSettings, defaultScopes, type Settings } from './settings.ts'
import type { ConnectionChange, NewConnection } from './shapes.ts'
import type { Claims } from './vocabulary.ts'

/** What most call them, after OIDC Core §5.1. */
const defaultClaims: Claims = { subject: 'sub', email: 'email', email_verified: 'email_verified', name: 'name' }

/** The settings of a new connection. */
export const newSettings = (given: NewConnection): Settings => {
  const { name, kind = 'oidc', client_id = '', issuer = originOf(given.token_endpoint) } = given
  const base: Settings = {
    ...blankSettings,
    ...{ name, kind, issuer, client_id },
    claims: kind === 'oauth2' ? defaultClaims : null,
    client_authentication: kind === 'saml' ? 'none' : 'basic',
    scopes: kind === 'oidc' ? defaultScopes : '',
    resource_support: kind === 'oidc' ? 'many' : 'none'
  }
  return applyChange(base, given)
}

/** Left out is unchanged, null clears, and the mask of the stored secret written back keeps it. */
export const applyChange = (stored: Settings, change: ConnectionChange): Settings => {
  const { claims, saml: given, client_secret, scopes, quirks, issuer, ...plain } = change
  const saml = stored.kind === 'saml' ? applySaml(stored.saml, given) : null
  const next = {
    ...stored,
    ...plain,
    saml,
    issuer: issuer ?? saml?.idp_entity_id ?? stored.issuer,
    scopes: scopes === undefined ? stored.scopes : (scopes ?? ''),
    quirks: quirks === undefined ? stored.quirks : [...new Set(quirks ?? [])].sort(),
    claims: claims === undefined ? stored.claims : claims && { ...defaultClaims, ...claims },
    client_secret: client_secret === undefined ? stored.client_secret : secretAfter(stored.client_secret, client_secret)
  }
  return usesSecret(next) ? next : { ...next, client_secret: null }
}

const originOf = (url: string | null | undefined): string => (url && URL.canParse(url) ? new URL(url).origin : '')

const secretAfter = (stored: string | null, given: string | null): string | null =>
  given !== null && stored !== null && isMaskOf(given, stored) ? stored : given

/** Whether the secret that was stored stays: left out, or written back as its mask. */
export const keepsSecret = (stored: Settings, { client_secret: given }: ConnectionChange): boolean =>
  stored.client_secret !== null &&
  (given === undefined || (given !== null && given !== stored.client_secret && isMaskOf(given, stored.client_secret)))

export const usesSecret = ({ client_authentication }: Pick<Settings, 'client_authentication'>): boolean =>
  client_authentication === 'basic' || client_authentication === 'post'
