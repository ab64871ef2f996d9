/** A promise of the story that did not hold. */
export class Broken extends Error {
  override name = 'Broken'
}

/** Throws, with both sides, when `actual` is not `expected`. */
export const expectSame = (what: string, actual: unknown, expected: unknown): void => {
  const [one, other] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (one !== other) throw new Broken(`${what}: expected ${other}, got ${one?.slice(0, 600)}`)
}
