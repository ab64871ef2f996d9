import { endOfString } from '@onbehalf/mcp'

/** How many items an array has, an empty one counting as one; more than so many are not counted on. The JSON must be valid. */
export const itemsIn = (array: string, max: number): number => {
  let items = 1
  let depth = 0
  for (let at = 0; at < array.length && items <= max; at += 1) {
    const sign = array[at]
    if (sign === '"') at = endOfString(array, at)
    else if (sign === '[' || sign === '{') depth += 1
    else if (sign === ']' || sign === '}') depth -= 1
    else if (sign === ',' && depth === 1) items += 1
  }
  return items
}
