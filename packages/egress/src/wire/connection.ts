import type { Socket } from 'node:net'
import type { Headers } from '../headers.ts'
import { AnswerReader } from './answer-reader.ts'
import type { CallHandler, Controller } from './handler.ts'
import { isQuiet } from './quiet.ts'
import type { RequestText } from './request-text.ts'

/** Who has the connection, and is told what becomes of it. */
export type Holder = {
  /** It can be used for another call. */
  onFree: (connection: Connection) => void
  onGone: (connection: Connection, error: Error) => void
}

const closed = () => Object.assign(new Error('the server closed the connection'), { code: 'ECONNRESET' })

/** One connection to a server, and the one call that is made on it now. */
export class Connection {
  /** Until when it may be used again, in milliseconds since the epoch. */
  freeUntil = 0
  /** For how long the server keeps it, as it said last. */
  keptMs = Number.POSITIVE_INFINITY
  /** Whether nobody waited for it once. */
  wasIdle = false
  private readonly socket: Socket
  private readonly holder: Holder
  private readonly reader = new AnswerReader(this)
  private turn: Turn | undefined
  /** Whether a request was written on it. */
  private wasUsed = false
  private isLeft = false
  private isPaused = false
  private error: Error | undefined

  constructor(socket: Socket, holder: Holder) {
    this.socket = socket
    this.holder = holder
    socket.on('error', (error) => {
      this.error ??= error
    })
    socket.on('end', () => this.onEnd())
    socket.on('close', () => {
      const error = this.error ?? closed()
      this.fail(error)
      this.holder.onGone(this, error)
    })
  }

  isUsable(): boolean {
    return !this.socket.destroyed && this.socket.readable
  }

  /**
   * Whether nothing came on it that was not read, nor its end; else it can only be closed. Undefined where that cannot be
   * told, and on one that was never used: it may have to say something yet, such as the tickets of TLS.
   */
  isQuiet(): boolean | undefined {
    return this.wasUsed ? isQuiet(this.socket) : undefined
  }

  /** Makes a call on it, where no other one is under way. */
  send({ head, body, isAscii }: RequestText, handler: CallHandler): void {
    const { socket } = this
    const turn = new Turn(this, handler)
    this.turn = turn
    this.reader.reset()
    try {
      handler.onRequestStart(turn)
    } catch (error) {
      this.fail(error)
    }
    // It was given up before a byte of it was sent.
    if (this.turn !== turn) return
    turn.isWritten = true
    this.wasUsed = true
    if (isAscii) {
      socket.write(head + body, 'latin1')
      return
    }
    socket.cork()
    socket.write(head, 'latin1')
    socket.write(body)
    socket.uncork()
  }

  /** What the server sent, which is overwritten afterwards. */
  onBytes(bytes: Buffer): void {
    // What nobody asked for would be taken for the answer to the next call.
    if (this.turn === undefined) {
      this.socket.destroy()
      return
    }
    try {
      const taken = this.reader.read(bytes)
      const keptMs = this.reader.keptMs()
      if (keptMs !== undefined) this.finish(taken < bytes.length ? 0 : keptMs)
    } catch (error) {
      this.fail(error)
    }
  }

  onHead(status: number, headers: Headers): void {
    const { turn } = this
    turn?.handler.onResponseStart(turn, status, headers)
  }

  onPiece(piece: Uint8Array): void {
    const { turn } = this
    turn?.handler.onResponseData(turn, piece)
  }

  abort(turn: Turn): void {
    if (this.turn !== turn) return
    this.turn = undefined
    if (turn.isWritten) this.socket.destroy()
    else this.free()
  }

  pause(turn: Turn): void {
    if (this.turn !== turn) return
    this.isPaused = true
    this.socket.pause()
  }

  resume(turn: Turn): void {
    if (this.turn === turn) this.goOn()
  }

  /** Closes it, where no call is under way. */
  leave(): void {
    this.isLeft = true
    this.socket.destroy()
  }

  /** Whether the server ended it while somebody waited for it, before anything was sent on it. */
  wasInVain(): boolean {
    return !(this.isLeft || this.wasUsed || this.wasIdle)
  }

  private free(): void {
    this.goOn()
    this.holder.onFree(this)
  }

  private goOn(): void {
    if (!this.isPaused) return
    this.isPaused = false
    this.socket.resume()
  }

  private finish(keptMs: number): void {
    const { turn } = this
    if (turn === undefined) return
    this.turn = undefined
    this.keptMs = keptMs
    if (keptMs === 0) this.socket.destroy()
    else if (this.socket.writableLength === 0) this.free()
    // Over TLS it is known a little later that all of the request is written.
    else setImmediate(() => this.freeIfWritten())
    turn.handler.onResponseEnd()
  }

  // What the server has not taken of the request would come before the next one.
  private freeIfWritten(): void {
    if (this.socket.writableLength > 0) this.socket.destroy()
    else if (this.isUsable()) this.free()
  }

  private fail(error: unknown): void {
    const { turn } = this
    this.turn = undefined
    this.socket.destroy()
    turn?.handler.onResponseError(turn, error instanceof Error ? error : closed())
  }

  private onEnd(): void {
    if (this.turn !== undefined && this.reader.end()) this.finish(0)
    else this.fail(this.error ?? closed())
  }
}

/** A call's hold on the connection, which ends with the call: what comes later is for a call that is no more there. */
class Turn implements Controller {
  readonly handler: CallHandler
  isWritten = false
  private readonly connection: Connection

  constructor(connection: Connection, handler: CallHandler) {
    this.connection = connection
    this.handler = handler
  }

  abort(): void {
    this.connection.abort(this)
  }

  pause(): void {
    this.connection.pause(this)
  }

  resume(): void {
    this.connection.resume(this)
  }
}
