import type { Headers } from '../headers.ts'
import { Chunks } from './chunks.ts'
import { type Head, inChunks, readHead, untilClose } from './head.ts'
import { unreadable } from './unreadable.ts'

/** Who is told of an answer as it comes. */
export type AnswerSink = {
  onHead: (status: number, headers: Headers) => void
  /** Some of the body, to keep. */
  onPiece: (piece: Uint8Array) => void
}

const headBytesMax = 16 * 1024
const announcementsMax = 16
const start = 'HTTP/1.'
const headEnd = '\r\n\r\n'

/** Reads one answer, as RFC 9112 says and in no other way. */
export class AnswerReader {
  private readonly sink: AnswerSink
  /** Of the head, what came in pieces before. */
  private held: Buffer | undefined
  private announcements = 0
  private head: Head | undefined
  private chunks: Chunks | undefined
  private left = 0
  private isOver = false

  constructor(sink: AnswerSink) {
    this.sink = sink
  }

  /** Makes ready for the next answer. */
  reset(): void {
    this.held = undefined
    this.announcements = 0
    this.head = undefined
    this.chunks = undefined
    this.isOver = false
  }

  /** Takes what came, which the next bytes overwrite, up to the end of the answer. Says how much that was. */
  read(bytes: Buffer): number {
    let at = 0
    while (this.head === undefined && at < bytes.length) at = this.readHead(bytes, at)
    return this.head === undefined ? at : this.readBody(this.head, bytes, at)
  }

  /** Once all of the answer came: for how long the server keeps the connection, 0 where it does not. */
  keptMs(): number | undefined {
    return this.isOver ? this.head?.keptMs : undefined
  }

  /** No more comes. Whether that was the end of the answer. */
  end(): boolean {
    return this.head?.length === untilClose
  }

  private readHead(bytes: Buffer, at: number): number {
    const before = this.held?.toString('latin1') ?? ''
    const lengthMax = headBytesMax + headEnd.length
    const text = before + bytes.toString('latin1', at, Math.min(bytes.length, at + lengthMax - before.length))
    const end = text.indexOf(headEnd, Math.max(0, before.length - headEnd.length))
    if (end === -1) {
      if (!text.startsWith(start.slice(0, text.length))) throw unreadable('the answer is not HTTP/1')
      if (text.length >= lengthMax) throw unreadable('the head is too long')
      this.held = Buffer.from(text, 'latin1')
      return bytes.length
    }
    this.held = undefined
    this.begin(readHead(text.slice(0, end)))
    return at + end + headEnd.length - before.length
  }

  private begin(head: Head): void {
    if (head.status < 200) {
      // A head that is only announced (RFC 8297) has another one behind it.
      this.announcements += 1
      if (head.status === 101 || this.announcements > announcementsMax) throw unreadable('the answer does not begin')
      return
    }
    this.head = head
    this.left = head.length
    if (head.length === inChunks) this.chunks = new Chunks()
    this.sink.onHead(head.status, head.headers)
  }

  private readBody({ length }: Head, bytes: Buffer, at: number): number {
    if (this.chunks) {
      const end = this.chunks.read(bytes, at, this.sink)
      this.isOver = this.chunks.isOver()
      return end
    }
    const size = length === untilClose ? bytes.length - at : Math.min(this.left, bytes.length - at)
    if (size > 0) this.sink.onPiece(Buffer.from(bytes.subarray(at, at + size)))
    this.left -= size
    this.isOver = this.left === 0
    return at + size
  }
}
