import { randomBytes, randomUUID } from 'node:crypto'
import { createLocalJWKSet, exportJWK, generateKeyPair, type JWTPayload, jwtVerify, SignJWT } from 'jose'

export type Signer = Awaited<ReturnType<typeof createSigner>>

/** The key of an issuer: for its provider as a JWK, and for what the provider does not make itself. */
export const createSigner = async (issuer: string) => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const kid = randomBytes(8).toString('hex')
  const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', kid }] })
  return {
    jwk: { ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid },
    /** A JWT of this issuer that ends after `seconds`. */
    sign: (typ: string, seconds: number, claims: JWTPayload): Promise<string> => {
      const issuedAt = Math.floor(Date.now() / 1000)
      return new SignJWT({ iss: issuer, jti: randomUUID(), iat: issuedAt, exp: issuedAt + seconds, ...claims })
        .setProtectedHeader({ alg: 'ES256', kid, typ })
        .sign(privateKey)
    },
    /** The claims of a JWT this issuer made for `audience`. */
    verify: async (token: string, audience: string): Promise<JWTPayload> =>
      (await jwtVerify(token, keys, { issuer, audience })).payload
  }
}
