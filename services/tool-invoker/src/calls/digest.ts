import { hash } from 'node:crypto'
import { ReportedError } from '@onbehalf/errors'

const depthMax = 100
/** Each costs as much as a hundred characters, here and wherever arguments are gone through. */
const valuesMax = 100_000

/**
 * base64url SHA-256 over the RFC 8785 form. Throws `invalid_arguments` for what is nested too deep, or is made of too many
 * values, to be meant.
 */
export const digestOf = (value: unknown): string =>
  hash('sha256', canonical(value, 0, { left: valuesMax }), 'base64url')

// RFC 8785 §3.2.2: strings and numbers are written as JSON.stringify writes them; §3.2.3: names by UTF-16 code units.
const canonical = (value: unknown, depth: number, values: { left: number }): string => {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (depth >= depthMax) throw tooDeep()
  if (Array.isArray(value)) {
    count(value, values)
    return `[${value.map((item) => canonical(item, depth + 1, values)).join(',')}]`
  }
  const members = Object.entries(value)
  count(members, values)
  if (members.length > 1) members.sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${members.map(([name, item]) => `${JSON.stringify(name)}:${canonical(item, depth + 1, values)}`).join(',')}}`
}

const count = ({ length }: { length: number }, values: { left: number }): void => {
  values.left -= length
  if (values.left < 0) throw tooMany()
}

const tooMany = () =>
  new ReportedError('invalid_arguments', `The arguments are made of more than ${valuesMax} values. Give fewer.`, {
    details: [{ path: 'arguments', message: `is made of more than ${valuesMax} values` }]
  })

const tooDeep = () =>
  new ReportedError('invalid_arguments', `The arguments are nested more than ${depthMax} levels deep. Flatten them.`, {
    details: [{ path: 'arguments', message: `is nested more than ${depthMax} levels deep` }]
  })
