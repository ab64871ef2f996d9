import { randomBytes } from 'node:crypto'

const storeBytes = 4_096
let store = ''
let taken = 0

/** Random hexadecimal digits, out of a store: for what names a request, and is no secret. */
export const randomHex = (digits: number): string => {
  if (taken + digits > store.length) {
    store = randomBytes(storeBytes).toString('hex')
    taken = 0
  }
  taken += digits
  return store.slice(taken - digits, taken)
}
