import { ReportedError } from '@onbehalf/errors'
import { matches } from '@onbehalf/rpc'
import { type Static, Type } from '@sinclair/typebox'
import { createLocalJWKSet } from 'jose'
import { onlyMembers } from './json.ts'

const text = (maxLength: number) => Type.Optional(Type.String({ maxLength }))

/**
 * All that is needed of a public key (RFC 7517 §4, RFC 7518 §6). A modulus of 16,384 bits and an exponent of 64 are the
 * most that OpenSSL takes.
 */
const Key = Type.Object({
  kty: Type.Union([Type.Literal('RSA'), Type.Literal('EC'), Type.Literal('OKP')]),
  ...{ kid: text(512), alg: text(32), use: text(32), crv: text(32) },
  key_ops: Type.Optional(Type.Array(Type.String({ maxLength: 32 }), { maxItems: 16 })),
  ...{ n: text(2_731), e: text(11), x: text(88), y: text(88) }
})
const members = Type.KeyOf(Key).anyOf.map((name) => name.const)
const Private = Type.Object({ d: Type.Unknown() })
const KeySet = Type.Object({ keys: Type.Array(Type.Unknown(), { maxItems: 200 }) })

/** In bytes: what one takes once it was used, beside its text. */
const keyWeight = 8_000

const isUsable = (key: unknown): key is Static<typeof Key> => matches(Key, key) && !matches(Private, key)

/** Some write what a key does not have. */
const withoutNulls = (key: unknown): unknown =>
  typeof key === 'object' && key !== null
    ? Object.fromEntries(Object.entries(key).filter(([, value]) => value !== null))
    : key

/** The keys of an answer as jose asks for them, and what they weigh. Those that are not understood are left out (RFC 7517 §5). */
export const readKeySet = (answer: unknown) => {
  if (!matches(KeySet, answer)) throw new ReportedError('upstream_error', 'The answer is no JSON Web Key Set.')
  const usable = answer.keys.map(withoutNulls).filter(isUsable)
  const held = usable.map((key) => onlyMembers(key, members))
  const weights = held.map(({ weight }) => keyWeight + weight)
  return {
    keys: createLocalJWKSet({ keys: held.map(({ copy }) => copy) }),
    weight: weights.reduce((sum, weight) => sum + weight, 0)
  }
}
