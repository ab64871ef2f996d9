import type { PublicKey } from '@onbehalf/rpc'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { newId } from './ids.ts'

/** A fresh EC P-256 key: what others may see, and what only we keep. */
export const makeSigningKey = async (): Promise<{ publicKey: PublicKey; privateJwk: JWK }> => {
  const kid = newId()
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const { x, y } = await exportJWK(publicKey)
  if (!x || !y) throw new Error('an EC key has x and y')
  return {
    publicKey: { kid, kty: 'EC', crv: 'P-256', x, y },
    privateJwk: { ...(await exportJWK(privateKey)), kid }
  }
}
