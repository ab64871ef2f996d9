type Server = { server_identifier: string | undefined; audience?: string }

/**
 * Where a user gives what a call lacked: the page that names the server and leads to the sign-in. A server that is not
 * registered is named by its audience.
 */
export const connectUrl = (publicUrl: string, tenantId: string, server?: Server): string => {
  const url = new URL('/connect', publicUrl)
  url.searchParams.set('tenant', tenantId)
  if (server?.server_identifier) url.searchParams.set('provider', server.server_identifier)
  else if (server?.audience) url.searchParams.set('audience', server.audience)
  return url.href
}
