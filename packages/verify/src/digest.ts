import { createHash } from 'node:crypto'
import { invalid } from './errors.ts'

const depthMax = 100

/** base64url SHA-256 over the RFC 8785 form of a call's arguments; of `{}` where there are none. */
export const digestOf = (given: unknown): string =>
  createHash('sha256')
    .update(canonical(given ?? {}, 0))
    .digest('base64url')

// RFC 8785 §3.2.2: strings and numbers as JSON.stringify writes them; §3.2.3: names by UTF-16 code units.
const canonical = (value: unknown, depth: number): string => {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (depth >= depthMax) throw invalid(`the arguments are nested more than ${depthMax} levels deep`)
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, depth + 1)).join(',')}]`
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${members.map(([name, item]) => `${JSON.stringify(name)}:${canonical(item, depth + 1)}`).join(',')}}`
}
