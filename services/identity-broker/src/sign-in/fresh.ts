import { ReportedError } from '@onbehalf/errors'
import type { Connection } from '../database.ts'
import { failed } from './failed.ts'

/** How far the clock of an IdP may be off. */
const skewMs = 30_000

/** A month: longer ago is as good as any time. */
export const maxAgeSecondsMax = 2_592_000

/** The time of an `auth_time` (OIDC Core §2); undefined for none, and for one that is to come. */
export const authTimeOf = (claimed: unknown): Date | undefined => {
  if (typeof claimed !== 'number' || !(claimed > 0)) return undefined
  const now = Date.now()
  const at = Math.floor(claimed) * 1000
  return at > now + skewMs ? undefined : new Date(Math.min(at, now))
}

/** What is known to prove nothing is refused before anybody goes there. Throws `policy_denied`. */
export const requireProvable = (max_age: number | undefined, { kind }: Pick<Connection, 'kind'>): void => {
  if (max_age === undefined || kind !== 'oauth2') return
  throw new ReportedError(
    'policy_denied',
    'A fresh sign-in is asked for, and your identity provider cannot prove one: it is connected by plain OAuth 2. ' +
      'An administrator can connect it by OpenID Connect or SAML.'
  )
}

/** OIDC Core §3.1.3.7: not every IdP does what `max_age` asks for. Throws `sign_in_failed`. */
export const requireFresh = (max_age: number | undefined, auth_time: Date | null): void => {
  if (max_age === undefined) return
  if (!auth_time)
    throw new ReportedError(
      'sign_in_failed',
      'A fresh sign-in is asked for, and your identity provider did not say when you signed in there (auth_time). ' +
        'Ask whoever runs it: without that, this cannot be done.'
    )
  if (Date.now() - auth_time.getTime() > max_age * 1000 + skewMs)
    throw failed('A fresh sign-in is asked for, and your identity provider let you in by an older one.')
}
