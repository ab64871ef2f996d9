/** Where the page is; nothing else is returned to after a sign-in. */
export const pagePath = '/device'
/** The page for somebody whose session, if there was one, could not be renewed. */
export const choosePath = `${pagePath}/choose`
export const decidePath = `${pagePath}/decide`
export const ssoPath = `${pagePath}/sso`
export const ssoDecidePath = `${pagePath}/sso/decide`
export const scriptPath = `${pagePath}/format-code.js`
/** Lets go of the code that the browser came with. */
export const anotherCodePath = `${pagePath}?user_code=`
export const otherAccountPath = `/auth/sign-in?return_to=${encodeURIComponent(pagePath)}&is_switch=true`
