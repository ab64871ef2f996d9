import { hash, type KeyObject } from 'node:crypto'

/** base64url HMAC-SHA-256 of a text. */
export type Hmac = (text: string) => string

const blockBytes = 64
const digestBytes = 32

/** HMAC as RFC 2104 §2 has it, of two digests that are asked for at once: an Hmac object takes 1.5 times as long. */
export const hmacWith = (key: KeyObject): Hmac => {
  const secret = key.export()
  if (secret.length > blockBytes) throw new Error(`a key of more than ${blockBytes} bytes is not taken here`)
  const padded = (pad: number, room: number) => {
    const bytes = Buffer.alloc(blockBytes + room, pad)
    for (const [index, byte] of secret.entries()) bytes[index] = byte ^ pad
    return bytes
  }
  const outer = padded(0x5c, digestBytes)
  let inner = padded(0x36, 4_096)
  return (text) => {
    // A character takes three bytes at most.
    if (text.length * 3 > inner.length - blockBytes) inner = padded(0x36, text.length * 3)
    const end = blockBytes + inner.write(text, blockBytes)
    outer.write(hash('sha256', inner.subarray(0, end), 'binary'), blockBytes, 'binary')
    return hash('sha256', outer, 'base64url')
  }
}
