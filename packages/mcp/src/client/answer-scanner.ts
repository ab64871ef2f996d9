import { parseJson } from './bounded-json.ts'
import { malformed } from './errors.ts'
import { JsonScanner, type Members } from './json-scanner.ts'
import { readKey } from './member-text.ts'
import { joinBytes, Pieces } from './pieces.ts'
import type { Json } from './protocol.ts'
import { createUtf8Check } from './utf8-check.ts'

// What a result is known by, and what is read of it; of all else only that it is JSON.
const ofMessage: ReadonlySet<string> = new Set(['id', 'result', 'error', 'method'])
const content: ReadonlySet<string> = new Set(['content', 'structuredContent'])
const valuesOfResult: ReadonlySet<string> = new Set(['isError', 'resultType', '_meta'])
const ofInput: ReadonlySet<string> = new Set(['inputRequests', 'requestState'])
const opensObject = 0x7b
const nothing = new Uint8Array()

/**
 * Reads the answer to request `id` in pieces. Throws unless it is valid JSON and a plain result, which is complete and
 * holds once what is read of it.
 */
export class AnswerScanner implements Members {
  /** What was read of the result. */
  readonly result: Json = {}
  /** Whether its content has begun, and no other request's `id` came before. */
  isPlain = false
  private readonly id: number
  private readonly json = new JsonScanner(this)
  private readonly isUtf8 = createUtf8Check()
  private readonly seen = new Set<string>()
  private piece: Uint8Array = nothing
  private member = ''
  private memberOfResult = ''
  private isOurs = false
  private isInResult = false
  private from = 0
  private until = 0
  /** Where in the piece the value begins that is read; -1 while none is. */
  private valueFrom = -1
  private readonly valueParts = new Pieces(joinBytes)
  private valueBytes = 0

  constructor(id: number) {
    this.id = id
  }

  /** Bytes of it that are kept: of what is read of the result, and of a name or a value that has not ended. */
  get keptBytes(): number {
    return this.valueBytes + this.json.nameBytes
  }

  /** Reads a piece; gives what in it belongs to the result, but for the brace that ends that. */
  push(piece: Uint8Array): Uint8Array {
    if (!this.isUtf8(piece)) throw malformed('it is not UTF-8')
    this.piece = piece
    this.from = this.isInResult ? 0 : piece.length
    this.until = piece.length
    if (this.valueFrom >= 0) this.valueFrom = 0
    this.json.push(piece)
    if (this.valueFrom >= 0) this.keepValue(piece.subarray(this.valueFrom))
    return piece.subarray(this.from, this.until)
  }

  /** There is no more of it. */
  end(): void {
    if (!this.json.isWhole) throw malformed('it ends too early')
    if (!this.isOurs) throw malformed('it answers another request')
  }

  onName(level: number, written: string): void {
    const name = readKey(`"${written}"`)
    if (level === 1) {
      this.member = name
      if (ofMessage.has(name)) this.noteOnce(level, name)
    } else if (this.member === 'result') {
      this.memberOfResult = name
      if (ofInput.has(name)) throw malformed('it asks for input after it began otherwise')
      if (content.has(name) || valuesOfResult.has(name)) this.noteOnce(level, name)
    }
  }

  onBegin(level: number, at: number, byte: number): void {
    if (level === 1) this.beginMember(at, byte)
    else if (this.member === 'result') {
      if (valuesOfResult.has(this.memberOfResult)) this.valueFrom = at
      if (content.has(this.memberOfResult)) this.isPlain = true
    }
  }

  onEnd(level: number, at: number): void {
    if (level === 1) this.endMember(at)
    else if (this.member === 'result' && valuesOfResult.has(this.memberOfResult)) {
      const value = this.endValue(at)
      if (this.memberOfResult === 'resultType' && value !== 'complete') throw malformed('it is no complete result')
      this.result[this.memberOfResult] = value
    }
  }

  private noteOnce(level: number, name: string): void {
    const place = `${level} ${name}`
    if (this.seen.has(place)) throw malformed(`it has "${name}" twice`)
    this.seen.add(place)
  }

  private beginMember(at: number, byte: number): void {
    if (this.member === 'id') this.valueFrom = at
    if (this.member === 'error' || this.member === 'method') throw malformed('it is no plain result')
    if (this.member !== 'result') return
    if (byte !== opensObject) throw malformed('it holds neither a result nor an error')
    this.isInResult = true
    this.from = at
  }

  private endMember(at: number): void {
    if (this.member === 'id') {
      if (this.endValue(at) !== this.id) throw malformed('it answers another request')
      this.isOurs = true
    }
    if (this.member !== 'result') return
    this.isInResult = false
    this.until = at - 1
  }

  private endValue(at: number): unknown {
    this.keepValue(this.piece.subarray(this.valueFrom, at))
    this.valueFrom = -1
    return parseJson(Buffer.concat(this.valueParts.take()).toString())
  }

  private keepValue(part: Uint8Array): void {
    this.valueParts.push(part)
    this.valueBytes += part.length
  }
}
