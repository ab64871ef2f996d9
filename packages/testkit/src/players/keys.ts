import { randomUUID } from 'node:crypto'
import { importSigningKey, type PublicKey, type SigningKey } from '@onbehalf/rpc'
import { exportJWK, generateKeyPair } from 'jose'

export type PlayedKey = { publicKey: PublicKey; signingKey: SigningKey }

/** A key that a played service signs with. */
export const makeKeyPair = async (): Promise<PlayedKey> => {
  const kid = randomUUID()
  const pair = await generateKeyPair('ES256', { extractable: true })
  const { x = '', y = '' } = await exportJWK(pair.publicKey)
  const signingKey = await importSigningKey({ ...(await exportJWK(pair.privateKey)), kid })
  return { publicKey: { kid, kty: 'EC', crv: 'P-256', x, y }, signingKey }
}
