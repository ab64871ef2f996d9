import { checkUrl, type Egress } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { usesSecret } from './apply-change.ts'
import { checkEndpoint, checkReachable, discover } from './discover.ts'
import { invalid } from './problems.ts'
import type { Settings } from './settings.ts'
import type { ConnectionChange } from './shapes.ts'

type Guard = Pick<Egress, 'request' | 'checkReachable'>

/** Throws `invalid_request`, naming the field, for settings that do not fit together; asks nobody. */
export const checkSettings = (next: Settings, given: ConnectionChange): void => {
  checkKind[next.kind](next, given)
  if (next.kind !== 'saml') checkClient(next, given)
}

const checkClient = (next: Settings, given: ConnectionChange): void => {
  if (given.saml) throw invalid('saml', 'is for the kind saml; leave it out')
  if (next.client_id === '') throw invalid('client_id', 'is missing')
  if (given.client_secret && !usesSecret(next))
    throw invalid(
      'client_secret',
      `is not used with client_authentication "${next.client_authentication}"; leave it out`
    )
  if (usesSecret(next) && next.client_secret === null)
    throw invalid('client_secret', `is missing: client_authentication "${next.client_authentication}" needs it`)
}

type Check = (next: Settings, given: ConnectionChange) => void

const ofDiscovery = ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'revocation_endpoint'] as const

/** What only a client of OAuth has. */
const ofOauth = [
  ...ofDiscovery,
  ...(['issuer', 'claims', 'client_id', 'client_secret', 'client_authentication', 'scopes'] as const),
  ...(['resource_support', 'rotating', 'quirks'] as const)
]

const checkKind: Readonly<Record<Settings['kind'], Check>> = {
  saml: ({ saml }, given) => {
    for (const name of ofOauth)
      if (given[name] !== undefined && given[name] !== null)
        throw invalid(name, 'is of OAuth; leave it out with the kind saml')
    for (const name of ['idp_entity_id', 'entry_point'] as const)
      if (!saml?.[name]) throw invalid(`saml.${name}`, 'is missing')
    if (!saml?.certificates.length) throw invalid('saml.certificates', 'is missing')
    checkForm('saml.entry_point', saml.entry_point)
  },
  oidc: ({ issuer, scopes }, given) => {
    if (issuer === '') throw invalid('issuer', 'is missing')
    for (const name of ofDiscovery)
      if (given[name]) throw invalid(name, 'is told by discovery; leave it out, or choose the kind oauth2')
    if (given.claims) throw invalid('claims', 'are those of the ID token; leave them out, or choose the kind oauth2')
    if (!scopes.split(' ').includes('openid')) throw invalid('scopes', 'must name openid')
  },
  oauth2: (next) => {
    for (const name of ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint'] as const)
      if (!next[name]) throw invalid(name, 'is missing: the kind oauth2 has no discovery that could tell it')
    checkForm('issuer', next.issuer)
  }
}

const checkForm = (path: string, url: string): void => {
  try {
    checkUrl(url)
  } catch (cause) {
    throw invalid(path, 'is not a URL', cause)
  }
}

/** The settings, with what discovery tells, where the places they lead to could be checked; otherwise throws. */
export const checkPlaces = (egress: Guard, next: Settings, stored: Settings | undefined): Promise<Settings> =>
  places[next.kind](egress, next, stored).catch((cause: unknown) => {
    if (!(cause instanceof ReportedError) || !cause.code.startsWith('upstream_')) throw cause
    throw invalid(placeOf[next.kind], `cannot be used: ${cause.message.slice(0, -1)}`, cause)
  })

const placeOf: Readonly<Record<Settings['kind'], string>> = {
  oidc: 'issuer',
  oauth2: 'token_endpoint',
  saml: 'saml.entry_point'
}

type CheckPlaces = typeof checkPlaces

const places: Readonly<Record<Settings['kind'], CheckPlaces>> = {
  // Only browsers go there; but what they bring back is believed, so it is no inner address unless it is listed.
  saml: async (egress, next, stored) => {
    const { entry_point = '' } = next.saml ?? {}
    if (entry_point !== stored?.saml?.entry_point) await checkReachable(egress, 'saml.entry_point', entry_point)
    return next
  },
  oidc: async (egress, next, stored) => {
    if (stored?.issuer === next.issuer) return next
    const { token_endpoint } = await discover(egress, next.issuer)
    return { ...next, token_endpoint }
  },
  oauth2: async (egress, next, stored) => {
    for (const name of ofDiscovery) {
      const url = next[name]
      if (url && url !== stored?.[name]) await checkEndpoint(egress, name, url)
    }
    return next
  }
}
