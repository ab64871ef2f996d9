/** Where a user gives what a call lacked: the page that names the server and leads to the sign-in. */
export const connectUrl = (publicUrl: string, tenantId: string, serverIdentifier: string | undefined): string => {
  const url = new URL('/connect', publicUrl)
  url.searchParams.set('tenant', tenantId)
  if (serverIdentifier) url.searchParams.set('provider', serverIdentifier)
  return url.href
}
