/** Chance that comes from a seed, so that it comes again (mulberry32). */
export const createRandom = (seed: number) => {
  let state = seed | 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (count: number): number => Math.floor(next() * count)
  return {
    /** 0 to `count` - 1. */
    below,
    between: (least: number, most: number): number => least + below(most - least + 1),
    chance: (of: number): boolean => next() < of,
    pick: <Item>(items: readonly [Item, ...Item[]]): Item => items[below(items.length)] ?? items[0]
  }
}

export type Random = ReturnType<typeof createRandom>
