import { ReportedError } from '@onbehalf/errors'
import type { ConnectAsk, ConnectUrl } from '../connect/link.ts'
import type { App } from '../database.ts'

type Asked = Pick<ConnectAsk, 'tenant_id' | 'server' | 'installation_id'> & { external_id: string }

/**
 * Nobody is known by the id that a caller gave. Where the app has somewhere to come back to, the link makes them known
 * to it; else it only signs them in, so that they can be named by our id.
 */
export const nobodyLinked = (
  app: App | undefined,
  { external_id, ...ask }: Asked,
  connectUrl: ConnectUrl
): ReportedError => {
  const canLink = app !== undefined && app.return_urls.length > 0
  const link = { ...ask, ...(app ? { app_id: app.id } : {}), ...(canLink ? { external_id } : {}) }
  const how = canLink
    ? 'Send your user to the connect_url, and redeem the code they bring back.'
    : 'To link your own ids of users, the app needs a return URL; or let an administrator import them.'
  return new ReportedError('no_refresh_token', `Nobody signed in as this user yet. ${how}`, {
    connect_url: connectUrl(link)
  })
}
