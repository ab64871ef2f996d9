import { deviceSsoState, startDeviceSso } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type Bus, type FindKey, serve, verifyTicket } from '@onbehalf/rpc'
import type { Report } from '../report.ts'
import { signInCookies } from '../sign-in/arrival.ts'
import { beginSignIn, type SignInNeeds } from '../sign-in/begin.ts'

type Needs = SignInNeeds & { findDeviceSsoKey: FindKey }

/** Begins to identify somebody for device-auth, at the IdP of a tenant's connection; the browser comes back to us first. */
export const createDeviceSsoStart = ({ findDeviceSsoKey, ...needs }: Needs) => {
  const cookies = signInCookies(needs.publicUrl)
  return async ({ state: envelope }: { state: string }) => {
    const {
      tenant,
      connection,
      max_age,
      intent: _,
      ...device_sso
    } = await verifyTicket(deviceSsoState, envelope, {
      findKey: findDeviceSsoKey
    })
    if (new URL(device_sso.return_url).origin !== needs.publicUrl)
      throw new ReportedError('policy_denied', 'Nobody is sent to another origin than PUBLIC_URL.')
    const place = { ...(tenant ? { tenant } : {}), ...(connection ? { connection } : {}) }
    const asked = { ...place, ...(max_age === undefined ? {} : { max_age }), device_sso }
    const { location, state, binding } = await beginSignIn(needs, { ...asked, return_to: '/device' })
    return { url: location, cookie: { name: cookies.nameOf(state), value: binding, max_age: cookies.seconds } }
  }
}

export const serveDeviceSso = (bus: Bus, start: ReturnType<typeof createDeviceSsoStart>, report: Report) => [
  serve(bus, startDeviceSso, (request) => start(request), report)
]
