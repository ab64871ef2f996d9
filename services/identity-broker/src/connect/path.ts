/** How a browser that was sent away comes back to the page. */
export type Outcome = 'signed_in' | 'somebody_else'

/** A link as it was opened, with the return URL its app chose. */
export type Opened = { link: string; return_url?: string }

/** The page of a link, after what happened meanwhile. */
export const connectPath = (
  { link, return_url }: Opened,
  after: { outcome?: Outcome; is_renewed?: 'true' } = {}
): string => `/connect?${new URLSearchParams({ link, ...(return_url ? { return_url } : {}), ...after })}`

/** Where the sign-in for a link begins; as somebody else than the IdP would take by itself, where one is to be chosen. */
export const signInPath = ({ link, return_url }: Opened, { isSwitch = false } = {}): string =>
  `/auth/sign-in?${new URLSearchParams({
    link,
    ...(return_url ? { return_url } : {}),
    ...(isSwitch ? { is_switch: 'true' } : {})
  })}`
