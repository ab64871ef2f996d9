import { createHmac, randomInt } from 'node:crypto'

/** What a code is made of: no I, O, Z, 0, 1, 2, so that nobody mistakes one for another. 30^8 codes are 39 bits. */
export const codeLetters = 'ABCDEFGHJKLMNPQRSTUVWXY3456789'
const length = 8
const form = new RegExp(`^[${codeLetters}]{${length}}$`)

/** A code for people to type, `XXXX-XXXX`. */
export const makeUserCode = (): string =>
  shown(Array.from({ length }, () => codeLetters.charAt(randomInt(codeLetters.length))).join(''))

/** The code a person meant, as it is shown: case, spaces and dashes do not count. Undefined for what cannot be one. */
export const readUserCode = (typed: string): string | undefined => {
  const code = typed
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[\s\p{Pd}]/gu, '')
  return form.test(code) ? shown(code) : undefined
}

const shown = (code: string) => `${code.slice(0, 4)}-${code.slice(4)}`

/** How a user code rests: so short a secret would be found from a plain hash. 128 bits tell more codes apart than there are. */
export const hashUserCode = (code: string, key: string): string =>
  createHmac('sha256', key).update(code).digest('base64url').slice(0, 22)
