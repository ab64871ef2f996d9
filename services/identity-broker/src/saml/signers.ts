import { constants, createHash, type KeyObject, publicDecrypt, X509Certificate } from 'node:crypto'

/**
 * Those of the certificates whose key made a signature, whatever it was made for. This lets nobody in, since a signature
 * can be copied from elsewhere. But nobody makes one without the key, and to look takes microseconds, where to verify a
 * document takes milliseconds for each certificate.
 */
export const signersOf = (signature: Buffer, certificates: string[]): string[] =>
  certificates.filter((pem) => isMadeBy(new X509Certificate(pem).publicKey, signature))

const isMadeBy = (key: KeyObject, signature: Buffer): boolean => {
  try {
    const encoded = publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature)
    return isPkcs1(encoded) || isPss(encoded, key.asymmetricKeyDetails?.modulusLength ?? 0)
  } catch {
    return false
  }
}

/** RFC 8017 §9.2: 00 01 FF … FF 00, then 19 bytes that name the digest, and a digest of SHA-256 or SHA-512. */
const isPkcs1 = (encoded: Buffer): boolean =>
  [32, 64].some((digestBytes) => {
    const padding = encoded.subarray(0, -(19 + digestBytes))
    return padding.equals(Buffer.concat([Buffer.of(0, 1), Buffer.alloc(padding.length - 3, 0xff), Buffer.of(0)]))
  })

/**
 * RFC 8017 §9.1.2, with SHA-256: zeros, 01 and 32 bytes of salt, all under a mask; then the digest that the mask is made
 * of, and BC. Where there were zeros the mask itself is to be seen, but for the first bits, which are cut off.
 */
const isPss = (encoded: Buffer, keyBits: number): boolean => {
  const whole = encoded.subarray(-Math.ceil((keyBits - 1) / 8))
  const [masked, digest] = [whole.subarray(0, -33), whole.subarray(-33, -1)]
  const mask = maskOf(digest, masked.length)
  return masked.subarray(1, -33).equals(mask.subarray(1, -33))
}

/** RFC 8017 §B.2.1. */
const maskOf = (seed: Buffer, length: number): Buffer => {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, at) => {
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(at)
    return createHash('sha256').update(seed).update(counter).digest()
  })
  return Buffer.concat(blocks).subarray(0, length)
}
