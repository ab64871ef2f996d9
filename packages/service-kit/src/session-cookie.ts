/** Names of our cookies. `__Host-` needs https; plain names only where PUBLIC_URL is http, which is loopback only. */
export const cookieNamesFor = (publicUrl: string) => {
  const isSecure = publicUrl.startsWith('https:')
  return {
    isSecure,
    session: isSecure ? '__Host-onbehalf_session' : 'onbehalf_session',
    signIn: isSecure ? '__Host-onbehalf_sign_in' : 'onbehalf_sign_in'
  }
}

/** `typ` of the session JWT: no minted token and no ticket can be read as one. */
export const sessionType = 'onbehalf-session+jwt'
