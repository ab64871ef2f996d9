import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { type CryptoKey, importJWK, type JWK } from 'jose'

/** A key to sign with (ES256), for jose and for node:crypto. */
export type SigningKey = { kid: string; privateKey: CryptoKey; keyObject: KeyObject }

/** A key to sign with, from its private JWK (EC P-256, with `kid`). */
export const importSigningKey = async (jwk: JWK): Promise<SigningKey> => {
  const privateKey = await importJWK(jwk, 'ES256')
  if (privateKey instanceof Uint8Array || !jwk.kid) throw new Error('A signing key must be an EC P-256 JWK with a kid')
  return { kid: jwk.kid, privateKey, keyObject: createPrivateKey({ key: { ...jwk }, format: 'jwk' }) }
}

/**
 * A JWT (RFC 7519) signed with ES256, at once: for those that are made for each call. It costs a third of what WebCrypto
 * takes, which signs on another thread.
 */
export const signJwt = (key: SigningKey, typ: string, claims: object): string => {
  const signed = `${headerOf(key, typ)}.${encode(claims)}`
  return `${signed}.${joseForm(sign('sha256', Buffer.from(signed), key.keyObject)).toString('base64url')}`
}

/** A key signs few types, and each has one header. */
const headers = new WeakMap<SigningKey, Map<string, string>>()

const headerOf = (key: SigningKey, typ: string): string => {
  const known = headers.get(key) ?? new Map<string, string>()
  headers.set(key, known)
  const header = known.get(typ) ?? encode({ alg: 'ES256', typ, kid: key.kid })
  known.set(typ, header)
  return header
}

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')

const numberBytes = 32

/**
 * RFC 7518 §3.4: both numbers of the signature, 32 bytes each. OpenSSL writes them as two DER integers; asked for the
 * other form it takes more than twice as long.
 */
const joseForm = (der: Buffer): Buffer => {
  const [first, afterFirst] = readInteger(der, 2)
  const [second] = readInteger(der, afterFirst)
  const form = Buffer.alloc(2 * numberBytes)
  first.copy(form, numberBytes - first.length)
  second.copy(form, 2 * numberBytes - second.length)
  return form
}

/** The integer at `at` without its sign byte, and where the next one begins. */
const readInteger = (der: Buffer, at: number): [Buffer, number] => {
  const length = der.readUInt8(at + 1)
  const end = at + 2 + length
  return [der.subarray(Math.max(at + 2, end - numberBytes), end), end]
}
