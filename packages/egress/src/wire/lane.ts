import type { Connect } from './connect.ts'
import type { Connection, Holder } from './connection.ts'
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

/** Once so many calls of one turn wait for a reading, the connections are looked at instead. */
const crowdMin = 32

type Asked = { request: RequestText; handler: CallHandler }

/**
 * The connections to one origin, kept for those who come next. A call takes the one that was used last: the others are
 * closed after a while, and what it needs is in the processor's memory still.
 *
 * Calls and connections meet at the end of a turn of the event loop, and both only from the turn after their own: by then the
 * process has read what was there on the connection, its end or what nobody asked for, which would be taken for the answer.
 * Each `crowdMin` calls of one turn do not wait for that: the connections are looked at, one by one.
 */
export class Lane implements Holder {
  private readonly options: LaneOptions
  /** What came on them was read since they were free. The one that was used last is the last one. */
  private readonly free: Connection[] = []
  private readonly waiting: Asked[] = []
  /** Free, and asked, since calls and connections met last: neither is for the other before they meet again. */
  private readonly freed: Connection[] = []
  private readonly asked: Asked[] = []
  private connections = 0
  private connecting = 0
  private isTurnEnding = false
  private isClosing = false

  constructor(options: LaneOptions) {
    this.options = options
  }

  /** Makes a call, as soon as there is a connection for it. */
  dispatch(asking: Asking, handler: CallHandler): void {
    try {
      if (this.isClosing) throw isClosed()
      this.asked.push({ request: requestText(this.options.host, asking), handler })
    } catch (error) {
      handler.onResponseError(undefined, toError(error))
      this.leaveIfEmpty()
      return
    }
    if (this.asked.length >= crowdMin) this.sendWhereQuiet()
    this.endTurn()
  }

  onFree(connection: Connection): void {
    connection.freeUntil = Date.now() + Math.min(connection.keptMs, this.options.keepAliveMs)
    this.freed.push(connection)
    if (this.waiting.length === 0 && this.asked.length === 0) connection.wasIdle = true
    if (this.isClosing || this.waiting.length > 0) this.endTurn()
  }

  onGone(connection: Connection, error: Error): void {
    this.connections -= 1
    for (const some of [this.free, this.freed]) {
      const place = some.indexOf(connection)
      if (place !== -1) some.splice(place, 1)
    }
    // A server that only accepts connections is not asked for one after the other.
    if (connection.wasInVain()) this.failWaiting(error)
    this.endTurn()
  }

  /** Closes what was free for too long. */
  sweep(now: number): void {
    for (const connection of [...this.free, ...this.freed]) if (now >= connection.freeUntil) connection.leave()
    this.leaveIfEmpty()
  }

  /** Takes no more calls. Forgets those that were given up, and closes what no other one needs. */
  close(): void {
    this.isClosing = true
    this.forgetGivenUp()
    this.endTurn()
  }

  private endTurn(): void {
    if (this.isTurnEnding) return
    this.isTurnEnding = true
    setImmediate(() => {
      this.isTurnEnding = false
      this.meet()
    })
  }

  private meet(): void {
    this.send(this.waiting, () => this.takeFree())
    for (const asked of this.asked) this.waiting.push(asked)
    this.asked.length = 0
    for (const connection of this.freed) this.free.push(connection)
    this.freed.length = 0
    if (this.waiting.length > this.free.length) this.connectMore()
    if (this.waiting.length > 0 && this.free.length > 0) this.endTurn()
    if (this.isClosing && this.waiting.length === 0) for (const connection of [...this.free]) connection.leave()
    this.leaveIfEmpty()
  }

  private sendWhereQuiet(): void {
    for (const calls of [this.waiting, this.asked]) this.send(calls, () => this.takeQuiet())
  }

  private send(calls: Asked[], take: () => Connection | undefined): void {
    for (let asked = calls[0]; asked !== undefined; asked = calls[0]) {
      const connection = take()
      if (connection === undefined) return
      calls.shift()
      connection.send(asked.request, asked.handler)
    }
  }

  private takeFree(): Connection | undefined {
    const now = Date.now()
    for (let connection = this.free.pop(); connection !== undefined; connection = this.free.pop()) {
      // One that the server ended says so itself.
      if (!connection.isUsable()) continue
      if (now < connection.freeUntil) return connection
      connection.leave()
    }
    return undefined
  }

  private takeQuiet(): Connection | undefined {
    for (let connection = this.takeFree(); connection !== undefined; connection = this.takeFree()) {
      const isQuiet = connection.isQuiet()
      if (isQuiet) return connection
      if (isQuiet === undefined) {
        // It waits for a reading.
        this.free.push(connection)
        return undefined
      }
      connection.leave()
    }
    return undefined
  }

  private connectMore(): void {
    this.forgetGivenUp()
    const wanted = this.waiting.length - this.free.length - this.connecting
    const room = this.options.connectionsMax - this.connections
    for (let more = Math.min(wanted, room); more > 0; more -= 1) this.connectOne()
  }

  private connectOne(): void {
    this.connections += 1
    this.connecting += 1
    this.options.connect(this).then(
      (connection) => {
        this.connecting -= 1
        this.onFree(connection)
      },
      (error: unknown) => {
        this.connecting -= 1
        this.connections -= 1
        this.failWaiting(toError(error))
        this.endTurn()
      }
    )
  }

  /** Where others are connected, one call has waited for this connection in vain; else all have. */
  private failWaiting(error: Error): void {
    this.forgetGivenUp()
    const isReached = this.connections > this.connecting
    for (const { handler } of this.waiting.splice(0, isReached ? 1 : this.waiting.length))
      handler.onResponseError(undefined, error)
  }

  private forgetGivenUp(): void {
    for (const calls of [this.waiting, this.asked]) {
      const wanted = calls.filter(({ handler }) => !handler.isGivenUp())
      calls.length = 0
      for (const asked of wanted) calls.push(asked)
    }
  }

  // Who is being connected while it closes is closed once they are.
  private leaveIfEmpty(): void {
    const isWanted = this.waiting.length > 0 || this.asked.length > 0
    if (!isWanted && this.connections === (this.isClosing ? this.connecting : 0)) this.options.onEmpty()
  }
}

const toError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)))
