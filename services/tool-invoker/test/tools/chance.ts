/** Chance that is the same in each run. */
export const createChance = (seed: number) => {
  const chance = chanceFrom(seed)
  const oneOf = <Of>(all: readonly Of[]): Of => {
    const one = all[Math.floor(chance() * all.length)]
    if (one === undefined) throw new Error('nothing to choose from')
    return one
  }
  const some = <Of>(make: () => Of, max: number): Of[] => Array.from({ length: Math.floor(chance() * (max + 1)) }, make)
  return { chance, oneOf, some }
}

/** Numbers from 0 up to 1 (Park and Miller). */
const chanceFrom = (seed: number) => () => {
  seed = (seed * 48_271) % 2_147_483_647
  return seed / 2_147_483_647
}
