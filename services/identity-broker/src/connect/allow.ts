import { ReportedError } from '@onbehalf/errors'
import type { AuditContext } from '@onbehalf/service-kit'
import type { ActivateLink } from '../links/activate.ts'
import type { LinkCodes } from '../links/codes.ts'
import type { LinkStore } from '../links/store.ts'
import type { Linking } from './find.ts'

type Needs = {
  linkCodes: Pick<LinkCodes, 'make' | 'useOnce'>
  links: Pick<LinkStore, 'record' | 'endedOf'>
  activateLink: ActivateLink
  now?: () => number
}

export type AllowLink = ReturnType<typeof createAllow>

/**
 * A user lets an app act for them. Answers with where the browser brings the code that the app redeems; undefined where
 * the link holds at once, since the user's verified e-mail is the one the app named. Each link works once.
 */
export const createAllow =
  ({ linkCodes, links, activateLink, now = Date.now }: Needs) =>
  async (
    { app, external_id, jti, exp }: Linking,
    return_url: string | undefined,
    { user_id, by }: { user_id: string; by: AuditContext }
  ): Promise<string | undefined> => {
    const { tenant_id, id: app_id } = app
    const seconds = exp - Math.floor(now() / 1000) + clockSeconds
    if (!(await linkCodes.useOnce({ issuer: app_id, jti, seconds }))) throw gone('This link was used already.')
    const details = { external_id }
    await links.record({ ...by, action: 'link.allowed', subject: { kind: 'app', id: app_id }, details })
    if (return_url === undefined) {
      if (await activateLink({ tenant_id, app_id, external_id, user_id }, by)) return undefined
      throw gone('You are no longer known here.')
    }
    const links_ended = await links.endedOf(tenant_id, user_id)
    if (links_ended === undefined) throw gone('You are no longer known here.')
    const to = new URL(return_url)
    const code = await linkCodes.make({ app_id, external_id }, { tenant_id, user_id, links_ended })
    to.searchParams.set('code', code)
    return to.href
  }

/** What clocks may differ by. */
const clockSeconds = 60

const gone = (why: string) => new ReportedError('expired_or_unknown', `${why} Go back to the app and begin anew.`)
