/** What a statement says of an item whose row somebody else holds right now: it did nothing about it. */
export const held = Symbol('held')

/**
 * One statement for several items: what came of each, in their order. Where it may pass over rows that others hold, it
 * waits for none of them, so that nobody waits for another one's row, and no two statements for each other.
 */
export type Statement<Item, Result> = (
  items: readonly Item[],
  rows: 'wait' | 'pass over'
) => Promise<readonly (Result | typeof held)[]>

type Options<Item> = {
  /** Whether a statement that failed surely did nothing: then each item has another try, alone. */
  isUndone: (error: unknown) => boolean
  /** Two with the same key go into different statements: a row is changed once in each. */
  keyOf?: (item: Item) => string
  itemsMax?: number
  /** How many statements run at once; what is asked for meanwhile goes into the next one. */
  runningMax?: number
  /** How long a statement keeps others from beginning: it may hang, or wait for a row. */
  slowMs?: number
}

type Waiting<Item, Result> = { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void }

/**
 * Does at once, in one statement and one commit, what several ask for at the same moment. Each is answered after that
 * commit; what one item fails with, or waits for, is its own.
 */
export const together = <Item, Result>(
  statement: Statement<Item, Result>,
  { isUndone, keyOf, itemsMax = 64, runningMax = 2, slowMs = 100 }: Options<Item>
): ((item: Item) => Promise<Result>) => {
  let waiting: Waiting<Item, Result>[] = []
  let running = 0
  let isDue = false

  const alone = async ({ item, resolve, reject }: Waiting<Item, Result>): Promise<void> => {
    try {
      const [result] = await statement([item], 'wait')
      if (result === undefined || result === held) throw new Error('a statement for one item said nothing of it')
      resolve(result)
    } catch (error) {
      reject(error)
    }
  }
  const all = async (group: readonly Waiting<Item, Result>[]): Promise<void> => {
    try {
      const results = await statement(itemsOf(group), 'pass over')
      for (const [index, one] of group.entries()) {
        const result = results[index]
        if (result === undefined || result === held) void alone(one)
        else one.resolve(result)
      }
    } catch (error) {
      for (const one of group) isUndone(error) ? void alone(one) : one.reject(error)
    }
  }
  const takeNext = (): Waiting<Item, Result>[] => {
    if (!keyOf) return waiting.splice(0, itemsMax)
    const next = new Map<string, Waiting<Item, Result>>()
    const later: Waiting<Item, Result>[] = []
    for (const one of waiting) {
      const key = keyOf(one.item)
      if (next.size < itemsMax && !next.has(key)) next.set(key, one)
      else later.push(one)
    }
    waiting = later
    return [...next.values()]
  }
  const begin = (): void => {
    isDue = false
    while (running < runningMax && waiting.length > 0) {
      const [first, ...others] = takeNext()
      if (!first) return
      running += 1
      void untilSlow(others.length > 0 ? all([first, ...others]) : alone(first), slowMs).then(() => {
        running -= 1
        begin()
      })
    }
  }
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      if (isDue) return
      isDue = true
      // Others of this moment come until then.
      setImmediate(begin)
    })
}

const itemsOf = <Item>(group: readonly { item: Item }[]): Item[] => group.map(({ item }) => item)

const untilSlow = async (work: Promise<void>, ms: number): Promise<void> => {
  const { promise: slow, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  await Promise.race([work, slow])
  clearTimeout(timer)
}
