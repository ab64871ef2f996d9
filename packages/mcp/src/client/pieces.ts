/** Pieces smaller than this on average are put together when there are so many: each takes some hundred bytes by itself. */
const smallLength = 1024
const looseMax = 256

/** Pieces of something that is wanted whole, in about as much memory as they are long, however small they come. */
export class Pieces<Piece extends { length: number }> {
  private readonly joined: (pieces: readonly Piece[]) => Piece
  private readonly all: Piece[] = []
  /** Those at the end that were not put together, nor found large enough. */
  private looseOnes = 0
  private looseLength = 0

  constructor(joined: (pieces: readonly Piece[]) => Piece) {
    this.joined = joined
  }

  get count(): number {
    return this.all.length
  }

  push(piece: Piece): void {
    this.all.push(piece)
    this.looseOnes += 1
    this.looseLength += piece.length
    if (this.looseOnes < looseMax) return
    if (this.looseLength < looseMax * smallLength) this.all.push(this.joined(this.all.splice(-looseMax)))
    this.beginAnew()
  }

  /** Them in their order, for who may not keep or change the list. */
  seen(): readonly Piece[] {
    return this.all
  }

  /** Them in their order; they are not held any more. */
  take(): Piece[] {
    this.beginAnew()
    return this.all.splice(0)
  }

  private beginAnew(): void {
    this.looseOnes = 0
    this.looseLength = 0
  }
}

// In memory of its own: what Buffer.concat gives may hold on to 8 KB that others have parts of.
export const joinBytes = (pieces: readonly Uint8Array[]): Uint8Array => {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0))
  let end = 0
  for (const piece of pieces) {
    whole.set(piece, end)
    end += piece.length
  }
  return whole
}

export const joinTexts = (pieces: readonly string[]): string => pieces.join('')
