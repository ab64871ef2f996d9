import type { Controller } from './wire/handler.ts'

export type Step = IteratorResult<Uint8Array, undefined>

const heldBytesMax = 64 * 1024
// What a piece takes besides its bytes.
const pieceBytes = 128
export const over: Step = { done: true, value: undefined }

type Connection = Pick<Controller, 'pause' | 'resume'> | undefined

/** What came of a body and was not read yet, for one reader that asks for one piece at a time. While that is much, no more comes. */
export class Pieces {
  private held: Uint8Array[] = []
  private bytes = 0
  private isPaused = false
  private reader: PromiseWithResolvers<Step> | undefined

  /** Hands it to the reader, where they wait for it. */
  add(piece: Uint8Array, connection: Connection): void {
    const { reader } = this
    if (reader) {
      this.reader = undefined
      reader.resolve({ done: false, value: piece })
      return
    }
    this.held.push(piece)
    this.bytes += piece.length + pieceBytes
    if (this.bytes < heldBytesMax) return
    this.isPaused = true
    connection?.pause()
  }

  /** All that is held, as one piece: a server may send a body byte by byte, and each piece costs its reader more than that. */
  take(connection: Connection): Uint8Array | undefined {
    const { held } = this
    if (held.length === 0) return undefined
    this.held = []
    this.bytes = 0
    if (this.isPaused) {
      this.isPaused = false
      connection?.resume()
    }
    return held.length === 1 ? held[0] : Buffer.concat(held)
  }

  /** The next one that comes. */
  wait(): Promise<Step> {
    this.reader = Promise.withResolvers<Step>()
    return this.reader.promise
  }

  /** Nobody reads on. */
  drop(): void {
    this.held.length = 0
    this.end()
  }

  /** No more comes. */
  end(): void {
    this.reader?.resolve(over)
  }

  fail(reason: unknown): void {
    this.reader?.reject(reason)
  }
}
