import { malformed } from './errors.ts'
import { deeds, firstDeed, scalars, states, table } from './json-table.ts'
import { joinBytes, Pieces } from './pieces.ts'
import { endOfPlain, wordsOf } from './plain-text.ts'

/** Hears of the members of the outermost object (level 1), and of the objects that are its members (level 2). */
export type Members = {
  /** Its name, as it is written between the quotes; its value comes. */
  onName: (level: number, written: string) => void
  /** Its value begins with this byte of the piece. */
  onBegin: (level: number, at: number, byte: number) => void
  /** Its value ended before this byte of the piece. */
  onEnd: (level: number, at: number) => void
}

const levelsMax = 2
const depthMax = 512
const nothing = new Uint8Array()
const opensObject = 0x7b
const closesObject = 0x7d
const { string, after, firstName, name } = states
const { endNumber } = deeds

const firstOfScalar = new Uint8Array(256)
for (const [byte, state] of scalars) firstOfScalar[byte.charCodeAt(0)] = state

/** Reads one JSON object in pieces, every byte once, and tells of its members. Throws for what is no JSON, or too deep. */
export class JsonScanner {
  private readonly members: Members
  /** Of what is open, 1 for each object and 0 for each array. */
  private readonly kinds = new Uint8Array(depthMax)
  private depth = 0
  private state: number = states.start
  private isName = false
  private nameFrom = 0
  private piece: Uint8Array = nothing
  private readonly nameParts = new Pieces(joinBytes)
  /** Bytes of names that are kept until they end. */
  nameBytes = 0

  constructor(members: Members) {
    this.members = members
  }

  /** Whether the object has ended. */
  get isWhole(): boolean {
    return this.state === states.end
  }

  push(piece: Uint8Array): void {
    const words = wordsOf(piece)
    let { state } = this
    this.nameFrom = 0
    this.piece = piece
    for (let at = 0; at < piece.length; at += 1) {
      if (state === string) at = endOfPlain(words, at)
      const byte = piece[at]
      if (byte === undefined) break
      const next = table[state * 256 + byte] ?? 0
      if (next === 0) throw malformed('it is not valid JSON')
      if (next < firstDeed) state = next
      else {
        state = this.act(next, state, at, byte)
        // What ends a number says more than that.
        if (next === endNumber) at -= 1
      }
    }
    this.state = state
    if (this.isName && this.depth <= levelsMax) this.keepName(piece.subarray(this.nameFrom))
  }

  private act(deed: number, state: number, at: number, byte: number): number {
    switch (deed) {
      case deeds.beginString:
        return this.beginString(state === name || state === firstName, at, byte)
      case deeds.endString:
        return this.isName ? this.endName(at) : this.endValue(at + 1)
      case deeds.open:
        return this.open(at, byte)
      case deeds.close:
        return this.close(at, byte)
      case deeds.comma:
        return this.isInObject() ? name : states.value
      case deeds.beginScalar:
        this.beginValue(at, byte)
        return firstOfScalar[byte] ?? 0
      default:
        return this.endValue(deed === endNumber ? at : at + 1)
    }
  }

  private beginString(isName: boolean, at: number, byte: number): number {
    this.isName = isName
    this.nameFrom = at + 1
    if (!isName) this.beginValue(at, byte)
    return string
  }

  private endName(at: number): number {
    this.isName = false
    if (this.depth > levelsMax) return states.colon
    const end = this.piece.subarray(this.nameFrom, at)
    const name = this.nameParts.count === 0 ? end : Buffer.concat([...this.nameParts.take(), end])
    this.members.onName(this.depth, Buffer.from(name).toString())
    return states.colon
  }

  private keepName(part: Uint8Array): void {
    this.nameParts.push(part)
    this.nameBytes += part.length
  }

  private open(at: number, byte: number): number {
    if (this.depth === depthMax) throw malformed('it is nested too deep')
    this.beginValue(at, byte)
    this.kinds[this.depth] = byte === opensObject ? 1 : 0
    this.depth += 1
    return byte === opensObject ? firstName : states.firstItem
  }

  private close(at: number, byte: number): number {
    if (this.isInObject() !== (byte === closesObject)) throw malformed('it is not valid JSON')
    this.depth -= 1
    return this.depth === 0 ? states.end : this.endValue(at + 1)
  }

  private beginValue(at: number, byte: number): void {
    if (this.depth <= levelsMax && this.isInObject()) this.members.onBegin(this.depth, at, byte)
  }

  private endValue(at: number): number {
    if (this.depth <= levelsMax && this.isInObject()) this.members.onEnd(this.depth, at)
    return after
  }

  private isInObject(): boolean {
    return this.depth > 0 && this.kinds[this.depth - 1] === 1
  }
}
