import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'

const algorithm = 'aes-256-gcm'
export const keyBytes = 32
export const nonceBytes = 12
export const tagBytes = 16

const noncesMax = 256
let pool = Buffer.alloc(0)

/** Random bytes that nobody got before: fetched for many at once, since each fetch costs as much as a seal. */
const nextNonce = (): Buffer => {
  if (pool.length === 0) pool = randomBytes(noncesMax * nonceBytes)
  const nonce = pool.subarray(0, nonceBytes)
  pool = pool.subarray(nonceBytes)
  return nonce
}

/** AES-256-GCM (NIST SP 800-38D) with a fresh random nonce: `nonce | ciphertext | tag`. */
export const encrypt = (key: KeyObject, plaintext: string | Uint8Array, aad: Uint8Array): Buffer[] => {
  const nonce = nextNonce()
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes }).setAAD(aad)
  const ciphertext = typeof plaintext === 'string' ? cipher.update(plaintext, 'utf8') : cipher.update(plaintext)
  return [nonce, ciphertext, cipher.final(), cipher.getAuthTag()]
}

/** The reverse of `encrypt`. Throws when the key, the AAD or a single bit differs. */
export const decrypt = (key: KeyObject, packed: Uint8Array, aad: Uint8Array): Buffer => {
  const nonce = packed.subarray(0, nonceBytes)
  const tag = packed.subarray(packed.length - tagBytes)
  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes }).setAAD(aad).setAuthTag(tag)
  const start = decipher.update(packed.subarray(nonceBytes, packed.length - tagBytes))
  const end = decipher.final()
  return end.length === 0 ? start : Buffer.concat([start, end])
}
