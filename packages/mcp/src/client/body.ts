import type { AnswerBody, Ending } from '@onbehalf/egress'
import type { Background } from './background.ts'
import { malformed, noRoom } from './errors.ts'
import { type HeldBudget, HeldRoom, uncountedBytesMax } from './held-budget.ts'
import { joinBytes, Pieces } from './pieces.ts'
import type { OnHeld } from './protocol.ts'

/** Reads what nobody wants, so that the connection can be used again, unless it is more than `bytesMax`. */
export const discard = async (body: AsyncIterable<Uint8Array>, bytesMax: number): Promise<void> => {
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.byteLength
    if (bytes > bytesMax) return
  }
}

const drainMs = 250
const drainBytesMax = 64 * 1024

/** The bytes of one answer: counted, bounded, and given back to the connection when enough was read. */
export class Body {
  /** What was read for whoever wants all of it. */
  readonly held = new Pieces(joinBytes)
  private readonly source: AnswerBody
  private readonly iterator: AsyncIterator<Uint8Array>
  private readonly ending: Ending
  private readonly bytesMax: number
  private readonly background: Background
  private readonly budget: HeldBudget
  private readonly holder: string
  private room: HeldRoom | undefined
  private bytes = 0
  private isDone = false

  /** `ending` ends the exchange. */
  constructor(
    source: AnswerBody,
    ending: Ending,
    bytesMax: number,
    { background, budget, holder }: { background: Background; budget: HeldBudget; holder: string }
  ) {
    this.source = source
    this.iterator = source[Symbol.asyncIterator]()
    this.ending = ending
    this.bytesMax = bytesMax
    this.background = background
    this.budget = budget
    this.holder = holder
  }

  async next(): Promise<Uint8Array | undefined> {
    return this.taken(await this.iterator.next())
  }

  private taken(step: IteratorResult<Uint8Array>): Uint8Array | undefined {
    if (!step.done) return this.counted(step.value)
    this.finish()
    return undefined
  }

  private finish(): void {
    this.isDone = true
    this.ending.unlink()
  }

  private counted(piece: Uint8Array): Uint8Array {
    this.bytes += piece.byteLength
    if (this.bytes > this.bytesMax) throw malformed(`it is larger than ${this.bytesMax} bytes`)
    return piece
  }

  /** Reads on until more than so many bytes were read, there is no room for them, or there are no more; false for the last. */
  async hold(bytesMax: number): Promise<boolean> {
    // Not by `next`, which would be one more promise for each.
    for (let chunk = this.taken(await this.iterator.next()); chunk; chunk = this.taken(await this.iterator.next())) {
      this.held.push(chunk)
      if (this.bytes > bytesMax || !this.hasRoomFor(this.bytes)) return true
    }
    return false
  }

  /** Counts so many bytes as held of it, from now on; false where there is no room for them. */
  hasRoomFor(bytes: number): boolean {
    if (this.room === undefined && bytes <= uncountedBytesMax) return true
    this.room ??= new HeldRoom(this.budget, this.holder)
    return this.room.resize(bytes)
  }

  /** What is counted stays so until whoever holds it gives it back. */
  handOver(onHeld: OnHeld | undefined): void {
    const { room } = this
    if (room === undefined || onHeld === undefined) return
    this.room = undefined
    onHeld(() => room.resize(0))
  }

  /** All of it, also what is held; at once where all of it has come. */
  text(bytesMax: number): string | Promise<string> {
    const rest = this.source.rest?.()
    if (rest === undefined) return this.hold(bytesMax).then((isMore) => this.textOf(bytesMax, isMore))
    this.finish()
    if (rest.length > 0) this.held.push(this.counted(rest))
    return this.textOf(bytesMax, false)
  }

  private textOf(bytesMax: number, isMore: boolean): string {
    if (this.bytes > bytesMax) throw malformed(`it is larger than ${bytesMax} bytes`)
    if (isMore || !this.hasRoomFor(this.bytes)) throw noRoom()
    const held = this.held.take()
    const [first] = held
    // Most answers come in one piece, which need not be copied.
    if (!first || held.length > 1) return join(held, this.bytes)
    return (Buffer.isBuffer(first) ? first : Buffer.from(first.buffer, first.byteOffset, first.length)).toString()
  }

  /** Reads the little that is left, so that the connection can be used again, or else closes it. Nothing of it is held. */
  release(): void {
    this.room?.resize(0)
    if (!this.isDone) this.background.run(() => (this.ending.aborted ? this.close() : this.drain()))
  }

  private async drain(): Promise<void> {
    const bytesMax = this.bytes + drainBytesMax
    const giveUp = setTimeout(() => this.ending.abort(), drainMs)
    try {
      while (this.bytes < bytesMax && (await this.next())) {}
    } finally {
      clearTimeout(giveUp)
      if (!this.isDone) await this.close()
    }
  }

  private async close(): Promise<void> {
    this.ending.abort()
    this.ending.unlink()
    await this.iterator.return?.()
  }
}

// Memory that is new for each answer costs more than what is copied into it. All answers share this: nothing may be awaited
// between what is put in and what is read out.
const joinBuffer = Buffer.allocUnsafeSlow(256 * 1024)

const join = (chunks: readonly Uint8Array[], size: number): string => {
  if (size > joinBuffer.length) return Buffer.concat(chunks, size).toString()
  let end = 0
  for (const chunk of chunks) {
    joinBuffer.set(chunk, end)
    end += chunk.byteLength
  }
  return joinBuffer.toString('utf8', 0, end)
}
