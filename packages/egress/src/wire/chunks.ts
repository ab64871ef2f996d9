import type { AnswerSink } from './answer-reader.ts'
import { unreadable } from './unreadable.ts'

type State = 'size' | 'extension' | 'data' | 'data end' | 'trailer' | 'trailer line' | 'over'

const cr = 0x0d
const lf = 0x0a
const semicolon = 0x3b
const sizeDigitsMax = 13
// Of what is told beside the body, in all of it: extensions of chunks and trailers, which nobody reads.
const besideBytesMax = 16 * 1024
const extension = /^[!#$%&'*+.^_`|~0-9a-z-]+(?:=[!#$%&'*+.^_`|~0-9a-z-]+)?$/i
const trailer = /^[!#$%&'*+.^_`|~0-9a-z-]+:[\t\x20-\x7e\x80-\xff]*$/i

/** Reads a body that comes in chunks (RFC 9112, 7.1). */
export class Chunks {
  private state: State = 'size'
  private size = 0
  private digits = 0
  private beside = 0
  private isAfterCr = false
  private line = ''

  isOver(): boolean {
    return this.state === 'over'
  }

  /** Takes what came from there on, up to the end of the body, and says where that was. Each piece is a copy. */
  read(bytes: Buffer, from: number, sink: Pick<AnswerSink, 'onPiece'>): number {
    let at = from
    while (at < bytes.length && this.state !== 'over') {
      if (this.state === 'data') {
        const end = Math.min(bytes.length, at + this.size)
        sink.onPiece(Buffer.from(bytes.subarray(at, end)))
        this.size -= end - at
        at = end
        if (this.size === 0) this.state = 'data end'
      } else {
        this.readByte(bytes[at] ?? 0)
        at += 1
      }
    }
    return at
  }

  private readByte(byte: number): void {
    if (this.state !== 'size' && this.state !== 'data end') this.countBeside()
    if (this.isAfterCr) this.endLine(byte)
    else if (byte === cr && this.mayEndLine()) this.isAfterCr = true
    else if (this.state === 'size') this.readSize(byte)
    else if (this.state === 'extension' || this.state === 'trailer' || this.state === 'trailer line') this.pass(byte)
    else throw unreadable('a chunk does not end')
  }

  private mayEndLine(): boolean {
    return this.state !== 'size' || this.digits > 0
  }

  // A line feed alone ends no line: what one reads as one chunk, another would read as two.
  private endLine(byte: number): void {
    if (byte !== lf) throw unreadable('a line of a chunk does not end')
    this.isAfterCr = false
    if (this.state === 'extension' && !extension.test(this.line)) throw unreadable('an extension cannot be read')
    if (this.state === 'size' || this.state === 'extension') this.state = this.size === 0 ? 'trailer' : 'data'
    else if (this.state === 'data end') this.begin()
    else if (this.state === 'trailer') this.state = 'over'
    else this.endTrailer()
  }

  private startLine(state: State): void {
    this.state = state
    this.line = ''
  }

  private endTrailer(): void {
    if (!trailer.test(this.line)) throw unreadable('a trailer cannot be read')
    this.state = 'trailer'
  }

  private begin(): void {
    this.state = 'size'
    this.size = 0
    this.digits = 0
  }

  private readSize(byte: number): void {
    const value = hexadecimal(byte)
    if (value === undefined) {
      if (this.digits === 0 || byte !== semicolon) throw unreadable('the size of a chunk is no number')
      this.startLine('extension')
      return
    }
    this.digits += 1
    if (this.digits > sizeDigitsMax) throw unreadable('a chunk is too large')
    this.size = this.size * 16 + value
  }

  private countBeside(): void {
    this.beside += 1
    if (this.beside > besideBytesMax) throw unreadable('too much comes beside the chunks')
  }

  /** Nobody reads what is said beside the body, but it has to be what it may be. */
  private pass(byte: number): void {
    if (this.state === 'trailer') this.startLine('trailer line')
    this.line += String.fromCharCode(byte)
  }
}

const hexadecimal = (byte: number): number | undefined => {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : undefined
}
