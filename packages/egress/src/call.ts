import { checkLength, isCoded, readBody, tooLarge } from './body.ts'
import { DeadlinePassed, explain, type Sent } from './failure.ts'
import { type Headers, withoutCoding } from './headers.ts'
import { over, Pieces, type Step } from './pieces.ts'
import { isBodiless } from './request.ts'
import type { Running } from './running.ts'
import type { CallSignal } from './signal.ts'
import type { CallHandler, Controller } from './wire/handler.ts'

/** An answer of any status; header names in lower case. The body holds its connection until it was read or left. */
export type OpenedAnswer = { status: number; headers: Headers; body: AnswerBody }

/** For one reader that asks for one piece at a time. */
export type AnswerBody = AsyncIterable<Uint8Array> & {
  /** All that was not read yet, at once where all of it has come: most answers come with their head. Else undefined. */
  rest?: () => Uint8Array | undefined
}

export type Bounds = {
  hostname: string
  maxBytes: number
  running: Running
  /**
   * When it has to be over, in milliseconds since the epoch: in a process that stood still, the timer that was to say so
   * may come late.
   */
  endsAt: number
  signal: CallSignal | undefined
}

/** Who makes calls: undici, or a lane. */
export type Sender<Options> = { dispatch: (options: Options, handler: Call) => unknown }

const nothing = new Uint8Array()

/**
 * One request, without the streams and signals that a client library puts around it: undici or a lane tells it of the answer, whose
 * body is read from it by one reader that asks for one piece at a time. The connection pauses while much was not read. A class,
 * since a closure for each of these would cost more than the rest of a call does here.
 */
export class Call implements CallHandler, AsyncIterableIterator<Uint8Array> {
  /** Among the calls under way. */
  place = -1
  private readonly bounds: Bounds
  private method = ''
  private readonly head = Promise.withResolvers<OpenedAnswer>()
  private readonly pieces = new Pieces()
  private controller: Controller | undefined
  private sent: Sent = 'no'
  private reason: unknown
  private failure: unknown
  private bytes = 0
  private isOver = false

  constructor(bounds: Bounds) {
    this.bounds = bounds
  }

  /** Sends it, and waits for the head of the answer. */
  send<Options extends { method: string }>(sender: Sender<Options>, options: Options): Promise<OpenedAnswer> {
    const { running, signal } = this.bounds
    this.method = options.method
    running.add(this)
    signal?.addEventListener('abort', this)
    if (signal?.aborted) this.abort(signal.reason)
    else sender.dispatch(options, this)
    return this.head.promise
  }

  /** Ends it; its first reason is what it rejects with. */
  abort(reason: unknown): void {
    // It is let go of in failing.
    const { controller } = this
    this.fail(reason)
    controller?.abort(reason instanceof Error ? reason : new Error('the call was given up', { cause: reason }))
  }

  isGivenUp(): boolean {
    return this.reason !== undefined
  }

  handleEvent(): void {
    this.abort(this.bounds.signal?.reason)
  }

  onRequestStart(controller: Controller): void {
    this.controller = controller
    if (Date.now() >= this.bounds.endsAt) this.abort(new DeadlinePassed('the time is over'))
    else if (this.reason !== undefined) this.abort(this.reason)
    else this.sent = 'unknown'
  }

  onResponseStart(_: Controller, status: number, headers: Headers): void {
    // A head that is only announced (RFC 8297) has another one behind it; undici tells of it.
    if (status < 200) return
    if (!isBodiless(this.method, status)) checkLength(headers, this.bounds.maxBytes)
    if (isCoded(headers)) this.head.resolve({ status, headers: withoutCoding(headers), body: this.decoded(headers) })
    else this.head.resolve({ status, headers, body: this })
  }

  onResponseData(_: Controller, piece: Uint8Array): void {
    const { maxBytes } = this.bounds
    this.bytes += piece.length
    if (this.bytes > maxBytes) throw tooLarge(maxBytes)
    this.pieces.add(piece, this.controller)
  }

  onResponseEnd(): void {
    this.letGo()
    this.isOver = true
    this.pieces.end()
  }

  onResponseError(_: Controller | undefined, error: Error): void {
    this.fail(error)
  }

  next(): Promise<Step> {
    const value = this.pieces.take(this.controller)
    if (value) return Promise.resolve({ done: false, value })
    if (this.failure !== undefined) return Promise.reject(this.failure)
    if (this.isOver) return Promise.resolve(over)
    return this.pieces.wait()
  }

  rest(): Uint8Array | undefined {
    const isWhole = this.isOver && this.failure === undefined
    return isWhole ? (this.pieces.take(this.controller) ?? nothing) : undefined
  }

  return(): Promise<Step> {
    const isLeft = !this.isOver && this.failure === undefined
    this.isOver = true
    this.pieces.drop()
    if (isLeft) this.abort(new Error('nobody reads the answer'))
    return Promise.resolve(over)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  private fail(reason: unknown): void {
    if (this.reason !== undefined) return
    this.reason = reason ?? new Error('the call was given up')
    this.letGo()
    this.controller = undefined
    const told = explain(this.reason, this.bounds, this.sent)
    this.head.reject(told)
    if (this.isOver) return
    this.failure = told
    this.pieces.fail(told)
  }

  private letGo(): void {
    this.bounds.running.delete(this)
    this.bounds.signal?.removeEventListener('abort', this)
  }

  /** What a coded body says, in at most `maxBytes`. */
  private async *decoded(headers: Headers): AsyncGenerator<Uint8Array> {
    try {
      yield* readBody(this, headers, this.bounds.maxBytes)
    } catch (error) {
      throw explain(error, this.bounds, this.sent)
    } finally {
      await this.return()
    }
  }
}
