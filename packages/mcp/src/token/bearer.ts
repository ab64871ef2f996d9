/** A token, and the Authorization header that carries it (RFC 6750, 2.1). */
export type Bearer = { token: string; authorization: string }

const scheme = 'Bearer '

/** Made where a token comes in, and not with each call; the token is a part of the header, so that memory has it once. */
export const bearerOf = (token: string): Bearer => {
  const authorization = `${scheme}${token}`
  return { token: authorization.slice(scheme.length), authorization }
}
