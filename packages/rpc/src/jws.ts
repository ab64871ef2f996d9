import { type KeyObject, verify } from 'node:crypto'
import { Type } from '@sinclair/typebox'
import { matches } from './define-call.ts'

/** A JWT that says it is signed with ES256: what it says, believed only once `isSignedWith` its key. */
export type Jws = { typ: string; kid: string; payload: unknown; isSignedWith: (key: KeyObject) => boolean }

const Header = Type.Object({ alg: Type.Literal('ES256'), typ: Type.String(), kid: Type.String({ minLength: 1 }) })

// RFC 7518 §3.4: both numbers of the signature, 32 bytes each.
const signatureForm = /^[\w-]{86}$/

/** Reads the compact form (RFC 7515 §7.1) of a JWT that is signed with ES256; undefined for anything else. */
export const readJws = (token: string): Jws | undefined => {
  const [head = '', body = '', signature = '', ...more] = token.split('.')
  const header = parse(head)
  // RFC 7515 §4.1.11: who does not know an extension that must be understood refuses.
  if (more.length > 0 || !signatureForm.test(signature) || !matches(Header, header) || 'crit' in header)
    return undefined
  const { typ, kid } = header
  const signed = Buffer.from(`${head}.${body}`)
  const isSignedWith = (key: KeyObject) => verify('sha256', signed, key, derOf(Buffer.from(signature, 'base64url')))
  return { typ, kid, payload: parse(body), isSignedWith }
}

/** Both numbers as OpenSSL writes them; asked to read the other form it takes two thirds longer. */
const derOf = (form: Buffer): Buffer => {
  const half = form.length / 2
  const numbers = Buffer.concat([integerOf(form.subarray(0, half)), integerOf(form.subarray(half))])
  return Buffer.concat([Buffer.from([0x30, numbers.length]), numbers])
}

/** Without leading zeros, but with one where it would be negative. */
const integerOf = (number: Buffer): Buffer => {
  const first = number.findIndex((byte) => byte !== 0)
  const short = first < 0 ? number.subarray(-1) : number.subarray(first)
  const sign = (short[0] ?? 0) >= 0x80 ? [0] : []
  return Buffer.from([0x02, short.length + sign.length, ...sign, ...short])
}

const base64url = /^[\w-]+$/

const parse = (part: string): unknown => {
  if (!base64url.test(part)) return undefined
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString())
  } catch {
    return undefined
  }
}
