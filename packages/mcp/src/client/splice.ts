import { endOfString, readKey } from './member-text.ts'

/** The text of a JSON object with each member of a name mapped, and all else as it was written. The JSON must be valid. */
export const mapMember = (json: string, name: string, map: (text: string) => string): string =>
  splice(
    json,
    placesIn(json).filter(({ key }) => key === name),
    map
  )

/** The same of each item of an array; undefined where it has more than so many, which are not gone through. */
export const mapItems = (json: string, map: (text: string) => string, itemsMax: number): string | undefined => {
  const places = placesIn(json, itemsMax)
  if (places.length > itemsMax) return undefined
  return splice(
    json,
    places.filter(({ key }) => key === undefined),
    map
  )
}

/** Where a value stands, and under which name; an item of an array has none. */
type Place = { key: string | undefined; from: number; until: number }

const splice = (json: string, places: Place[], map: (text: string) => string): string => {
  const parts: string[] = []
  let copied = 0
  for (const { from, until } of places) {
    parts.push(json.slice(copied, from), map(json.slice(from, until)))
    copied = until
  }
  return parts.join('') + json.slice(copied)
}

/** The values right within an object or an array: all of them, or the first that are more than so many. */
const placesIn = (json: string, most = Number.POSITIVE_INFINITY): Place[] => {
  const isArray = json.trimStart().startsWith('[')
  const places: Place[] = []
  let depth = 0
  let key: string | undefined
  let from = -1
  const end = (until: number) => {
    const text = from < 0 ? '' : json.slice(from, until).trim()
    const start = json.indexOf(text, from)
    if (text !== '') places.push({ key, from: start, until: start + text.length })
    from = -1
  }
  for (let at = 0; at < json.length && places.length <= most; at += 1) {
    const sign = json[at]
    if (sign === '"') {
      const endAt = endOfString(json, at)
      if (depth === 1 && from < 0) key = readKey(json.slice(at, endAt + 1))
      at = endAt
    } else if (sign === '{' || sign === '[') {
      depth += 1
      if (depth === 1 && isArray) from = at + 1
    } else if (sign === '}' || sign === ']') {
      depth -= 1
      if (depth === 0) end(at)
    } else if (depth === 1 && sign === ':') from = at + 1
    else if (depth === 1 && sign === ',') {
      end(at)
      if (isArray) from = at + 1
    }
  }
  return places
}
