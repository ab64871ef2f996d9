import { checkUrl, type Egress } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { usesSecret } from './apply-change.ts'
import { checkEndpoint, discover } from './discover.ts'
import { invalid } from './problems.ts'
import type { Settings } from './settings.ts'
import type { ConnectionChange } from './shapes.ts'

type Guard = Pick<Egress, 'request' | 'checkReachable'>

/** Throws `invalid_request`, naming the field, for settings that do not fit together; asks nobody. */
export const checkSettings = (next: Settings, given: ConnectionChange): void => {
  checkKind[next.kind](next, given)
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

const checkKind: Readonly<Record<Settings['kind'], Check>> = {
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
    checkIssuer(next.issuer)
  }
}

const checkIssuer = (issuer: string): void => {
  try {
    checkUrl(issuer)
  } catch (cause) {
    throw invalid('issuer', 'is not a URL', cause)
  }
}

/** The settings, with what discovery tells, where the places they lead to could be checked; otherwise throws. */
export const checkPlaces = (egress: Guard, next: Settings, stored: Settings | undefined): Promise<Settings> =>
  places[next.kind](egress, next, stored).catch((cause: unknown) => {
    if (!(cause instanceof ReportedError) || !cause.code.startsWith('upstream_')) throw cause
    throw invalid(
      next.kind === 'oidc' ? 'issuer' : 'token_endpoint',
      `cannot be used: ${cause.message.slice(0, -1)}`,
      cause
    )
  })

type CheckPlaces = typeof checkPlaces

const places: Readonly<Record<Settings['kind'], CheckPlaces>> = {
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
