import { externalSubjectAssertion } from '@onbehalf/contracts'
import { type SigningKey, signTicket } from '@onbehalf/rpc'
import type { Announce } from '../announce.ts'
import type { Connection, NewUser } from '../database.ts'
import type { AdmissionStore } from '../members/admission-store.ts'
import { changedMeanwhile, failed } from '../sign-in/failed.ts'
import type { DeviceFlow } from '../sign-in/state.ts'

/** Says whom an IdP identified: the address at which device-auth reads it. Throws `sign_in_failed`. */
export type AssertExternal = (
  flow: DeviceFlow,
  connection: Connection,
  person: NewUser,
  auth_time: Date | null
) => Promise<string>

type Needs = { admissions: AdmissionStore; announce: Announce; signingKey: () => SigningKey }

/**
 * Makes the user, or brings them up to date, and nothing more: no member, no grant, no session and no sign-in. Whether they
 * may sign a device in is for device-auth to ask.
 */
export const createAssertExternal =
  ({ admissions, announce, signingKey }: Needs): AssertExternal =>
  async ({ return_url, ...flow }, connection, person, auth_time) => {
    const { tenant_id, id: connection_id, issuer } = connection
    const { email, is_email_verified } = person
    if (!email || !is_email_verified) throw failed('Your identity provider does not confirm your e-mail address.')
    const user = await admissions.transaction(tenant_id, async (store) => {
      if (!(await store.holdConnection(connection))) throw changedMeanwhile()
      return store.identify({ tenant_id, connection_id }, person)
    })
    await announce('user', user.id)
    const signedIn = auth_time ? { auth_time: Math.floor(auth_time.getTime() / 1000) } : {}
    const claims = { tenant_id, user_id: user.id, email, issuer, ...signedIn, ...flow }
    const { ticket } = await signTicket(externalSubjectAssertion, claims, {
      issuer: 'identity-broker',
      key: signingKey()
    })
    return `${return_url}?${new URLSearchParams({ sso_assertion: ticket })}`
  }
