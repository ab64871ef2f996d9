/**
 * Names of our cookies. The prefixes need https; plain names only where PUBLIC_URL is http, which is loopback only. The
 * renewal cookie is for /auth alone, which `__Host-` does not allow.
 */
export const cookieNamesFor = (publicUrl: string) => {
  const isSecure = publicUrl.startsWith('https:')
  return {
    isSecure,
    session: isSecure ? '__Host-onbehalf_session' : 'onbehalf_session',
    renewal: isSecure ? '__Secure-onbehalf_renewal' : 'onbehalf_renewal',
    signIn: isSecure ? '__Host-onbehalf_sign_in' : 'onbehalf_sign_in',
    authorization: isSecure ? '__Host-onbehalf_authorization' : 'onbehalf_authorization',
    signOut: isSecure ? '__Host-onbehalf_sign_out' : 'onbehalf_sign_out'
  }
}

/** `typ` of the session JWT: no minted token and no ticket can be read as one. */
export const sessionType = 'onbehalf-session+jwt'

/**
 * Where a page sends a browser that has no session: what can be renewed is, else its user signs in (at `tenant`, where
 * it is known), and both come back to `returnTo`, a path of ours.
 */
export const renewalPath = (returnTo: string, tenant = ''): string =>
  `/auth/renew?return_to=${encodeURIComponent(returnTo)}${tenant ? `&tenant=${encodeURIComponent(tenant)}` : ''}`
