import { importSigningKey, type PublicKey, type SigningKey } from '@onbehalf/rpc'
import type { Vault } from '@onbehalf/vault'
import { exportJWK, generateKeyPair } from 'jose'
import { newId } from '../ids.ts'
import type { NewKey, StoredKey } from './store.ts'

const placeOf = (tenant_id: string, kid: string) => ({
  tenant_id,
  table: 'signing_key',
  column: 'private_jwk',
  row: kid
})

/** A new ES256 key, its private half sealed. */
export const makeKey = async (vault: Pick<Vault, 'seal'>, tenant_id: string): Promise<Omit<NewKey, 'active_from'>> => {
  const id = newId()
  const { publicJwk, privateJwk } = await makeKeyPair(id)
  return { id, public_jwk: publicJwk, private_jwk: await vault.seal(privateJwk, placeOf(tenant_id, id)) }
}

/** A stored key, ready to sign with. */
export const openKey = async (
  vault: Pick<Vault, 'open'>,
  tenant_id: string,
  { id, private_jwk }: Pick<StoredKey, 'id' | 'private_jwk'>
): Promise<SigningKey> => importSigningKey(JSON.parse(await vault.open(private_jwk, placeOf(tenant_id, id))))

const makeKeyPair = async (kid: string): Promise<{ publicJwk: PublicKey; privateJwk: string }> => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const { x, y } = await exportJWK(publicKey)
  if (!x || !y) throw new Error('an EC key has x and y')
  return {
    publicJwk: { kid, kty: 'EC', crv: 'P-256', x, y },
    privateJwk: JSON.stringify({ ...(await exportJWK(privateKey)), kid })
  }
}
