import type { IncomingHttpHeaders } from 'node:http'
import { ReportedError } from '@onbehalf/errors'

const loopback: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost'])

/**
 * Throws `forbidden` for a page of another origin, and where we are on loopback for any name but loopback's own: a name
 * that was made to lead here is a page of somebody else (DNS rebinding).
 */
export const requireOwnOrigin = ({ origin, host }: IncomingHttpHeaders, publicUrl: string): void => {
  const own = new URL(publicUrl)
  const isLocal = loopback.has(own.hostname)
  if (isLocal && !loopback.has(hostOf(`http://${host ?? ''}`))) throw foreign('Host')
  if (origin === undefined || origin === own.origin) return
  if (!isLocal || !loopback.has(hostOf(origin))) throw foreign('Origin')
}

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).hostname : '')

const foreign = (header: string) =>
  new ReportedError('forbidden', `The header ${header} names a site that may not call from a browser.`)
