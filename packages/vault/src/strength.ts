import { createHash } from 'node:crypto'

// Six letters or more, and eight digits: a shorter word turns up by chance in one generated secret of some ten thousand.
const knownWords =
  /changeme|changethis|changeit|replaceme|password|passw0rd|defaultsecret|insecure|yoursecret|mysecret|secretkey|letmein|qwerty|placeholder|difyai|12345678/

// SHA-256 of the secrets that the reference publishes in its .env.example and many installations still run with.
const published = new Set([
  '0f44b34c6311bcb547867d393c1c56e6564e03d905fdd023637f549358bf3670',
  '481c0ab8a6f9e9dcb9391fb1c8b649d19f493c5253e4dc20c2c32ec21875b8ab',
  '217ef27f7b2a2f8949eb2e0973f7dfa099f887427b9a6626b2395e2417239ff2'
])

const isKnown = (text: string): boolean =>
  knownWords.test(text.toLowerCase().replace(/[^a-z0-9]/g, '')) ||
  published.has(createHash('sha256').update(text).digest('hex'))

const isPeriodic = (text: string): boolean => `${text}${text}`.indexOf(text, 1) < text.length

/** What is wrong with a secret that people type or paste, or undefined when nothing is. */
export const weaknessOfText = (value: string, bytes: number): string | undefined => {
  if (value.trim() === '') return 'is empty'
  if (isKnown(value)) return 'is a known or default secret'
  if (Buffer.byteLength(value) < bytes) return `is shorter than ${bytes} bytes`
  if (isPeriodic(value) || new Set(value).size < 8) return 'repeats itself'
  return undefined
}

const isSequence = (key: Uint8Array): boolean => {
  const steps = new Set(key.map((byte, index) => (index === 0 ? 0 : byte - (key[index - 1] ?? 0))).subarray(1))
  return steps.size === 1
}

/**
 * What is wrong with 32 bytes that should be random, or undefined. Random ones have 19 or fewer distinct bytes, or
 * are all printable, less than once in 10^12.
 */
export const weaknessOfKey = (key: Uint8Array): string | undefined => {
  if (new Set(key).size < 20 || isSequence(key)) return 'repeats itself; it is not random'
  if (key.every((byte) => byte >= 0x20 && byte < 0x7f)) return 'is text, not random bytes'
  return undefined
}

/**
 * Refuses a weak secret at start.
 *
 * @param name the variable, for the message
 * @param bytes the least length in bytes of its UTF-8
 * @returns the value as it came
 * @throws Error that names the variable and what to do, never the value
 */
export const requireStrongSecret = (name: string, value: string | undefined, bytes = 32): string => {
  const weakness = weaknessOfText(value ?? '', bytes)
  if (value === undefined || weakness !== undefined)
    throw new Error(`${name} ${weakness}. Set it to a random one, such as the output of: openssl rand -base64 ${bytes}`)
  return value
}
