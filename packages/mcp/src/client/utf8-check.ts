import { isUtf8 } from 'node:buffer'

const nothing = new Uint8Array()

/** Tells of each piece whether all so far is UTF-8 (RFC 3629); the end of a piece may cut a character. */
export const createUtf8Check = (): ((piece: Uint8Array) => boolean) => {
  let cut: Uint8Array = nothing
  return (piece) => {
    const bytes = cut.length === 0 ? piece : Buffer.concat([cut, piece])
    const end = endOfWhole(bytes)
    cut = end === bytes.length ? nothing : bytes.slice(end)
    return isUtf8(end === bytes.length ? bytes : bytes.subarray(0, end))
  }
}

/** Where the last character begins, if the end cuts it. */
const endOfWhole = (bytes: Uint8Array): number => {
  const { length } = bytes
  for (let back = 1; back <= 3 && back <= length; back += 1) {
    const byte = bytes[length - back] ?? 0
    if (byte < 0x80) return length
    if (byte >= 0xc0) return lengthFrom(byte) > back ? length - back : length
  }
  return length
}

const lengthFrom = (lead: number): number => {
  if (lead >= 0xf0) return 4
  return lead >= 0xe0 ? 3 : 2
}
