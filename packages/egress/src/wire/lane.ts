import type { Connect } from './connect.ts'
import type { Connection } from './connection.ts'
import type { CallHandler } from './handler.ts'
import { type Asking, type RequestText, requestText } from './request-text.ts'

export type LaneOptions = {
  connect: Connect
  host: string
  connectionsMax: number
  keepAliveMs: number
  /** None of its connections is left, nor a call that waits for one. */
  onEmpty: () => void
}

export const isClosed = () => new Error('the client is closed')

type Asked = { request: RequestText; handler: CallHandler }

/**
 * The connections to one origin, kept for those who come next. A call takes the one that was used last: the others are
 * closed after a while, and what it needs is in the processor's memory still.
 */
export class Lane {
  private readonly options: LaneOptions
  private readonly free: Connection[] = []
  private readonly waiting: Asked[] = []
  private connections = 0
  private connecting = 0
  private isAwaitingTurn = false
  private isClosing = false

  constructor(options: LaneOptions) {
    this.options = options
  }

  /** Makes a call, as soon as there is a connection for it. */
  dispatch(asking: Omit<Asking, 'host'>, handler: CallHandler): void {
    if (this.isClosing) {
      handler.onResponseError(undefined, isClosed())
      return
    }
    try {
      const request = requestText(this.options.host, asking)
      this.waiting.push({ request, handler })
      this.sendSoon()
    } catch (error) {
      handler.onResponseError(undefined, error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** Closes those that were free for too long. */
  sweep(now: number): void {
    for (const connection of [...this.free]) if (now >= connection.freeUntil) this.drop(connection)
  }

  /** Closes what is free, and the others when their calls are over. */
  close(): void {
    this.isClosing = true
    for (const connection of [...this.free]) this.drop(connection)
    this.leaveIfEmpty()
  }

  readonly onFree = (connection: Connection): void => {
    if (this.isClosing && this.waiting.length === 0) {
      connection.destroy()
      return
    }
    connection.freeUntil = Date.now() + Math.min(connection.keptMs, this.options.keepAliveMs)
    this.free.push(connection)
    if (this.waiting.length > 0) this.sendSoon()
  }

  readonly onGone = (connection: Connection): void => {
    this.connections -= 1
    const place = this.free.indexOf(connection)
    if (place !== -1) this.free.splice(place, 1)
    if (this.waiting.length > 0) this.sendSoon()
    this.leaveIfEmpty()
  }

  /**
   * At the end of the turn: what came by then on a free connection, its end or what nobody asked for, has been seen, and
   * is not taken for the answer to the next call.
   */
  private sendSoon(): void {
    if (this.isAwaitingTurn) return
    this.isAwaitingTurn = true
    setImmediate(() => {
      this.isAwaitingTurn = false
      this.sendAll()
    })
  }

  private sendAll(): void {
    const now = Date.now()
    while (this.waiting.length > 0) {
      const connection = this.free.pop()
      if (connection === undefined) break
      if (connection.isUsable() && now < connection.freeUntil) this.sendNext(connection)
      else connection.destroy()
    }
    while (this.connecting < this.waiting.length && this.connections < this.options.connectionsMax) this.connectOne()
  }

  private sendNext(connection: Connection): void {
    const asked = this.waiting.shift()
    if (asked === undefined) this.onFree(connection)
    else connection.send(asked.request, asked.handler)
  }

  private connectOne(): void {
    this.connections += 1
    this.connecting += 1
    this.options.connect(this).then(
      (connection) => {
        this.connecting -= 1
        this.sendNext(connection)
      },
      (error: Error) => {
        this.connecting -= 1
        this.connections -= 1
        this.waiting.shift()?.handler.onResponseError(undefined, error)
        this.leaveIfEmpty()
      }
    )
  }

  private drop(connection: Connection): void {
    this.free.splice(this.free.indexOf(connection), 1)
    connection.destroy()
  }

  private leaveIfEmpty(): void {
    if (this.connections === 0 && this.waiting.length === 0) this.options.onEmpty()
  }
}
