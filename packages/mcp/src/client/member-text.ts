const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const opensArray = 0x5b
const backslash = 0x5c
const closesArray = 0x5d
const opensObject = 0x7b
const closesObject = 0x7d

/**
 * The text of one member of a JSON object, as it was written: with its order of names, and numbers that a double
 * cannot hold. The object must be valid JSON; of two members with the name it is the last, as in JSON.parse.
 */
export const memberText = (json: string, name: string): string | undefined => {
  let found: string | undefined
  let depth = 0
  let key = ''
  let valueFrom = -1
  const endValue = (end: number) => {
    if (valueFrom >= 0 && key === name) found = json.slice(valueFrom, end).trim()
    valueFrom = -1
  }
  for (let at = 0; at < json.length; at += 1) {
    const code = json.charCodeAt(at)
    if (code === quote) {
      const end = endOfString(json, at)
      if (depth === 1 && valueFrom < 0) key = readKey(json.slice(at, end + 1))
      at = end
    } else if (code === opensObject || code === opensArray) depth += 1
    else if (code === closesObject || code === closesArray) {
      depth -= 1
      if (depth === 0) endValue(at)
    } else if (depth === 1 && code === colon) valueFrom = at + 1
    else if (depth === 1 && code === comma) endValue(at)
  }
  return found
}

// A quote ends a string unless an odd number of backslashes is before it.
export const endOfString = (json: string, start: number): number => {
  for (let end = json.indexOf('"', start + 1); end >= 0; end = json.indexOf('"', end + 1)) {
    let before = end - 1
    while (json.charCodeAt(before) === backslash) before -= 1
    if ((end - before) % 2 === 1) return end
  }
  return json.length
}

export const readKey = (text: string): string => {
  const key: unknown = text.includes('\\') ? JSON.parse(text) : text.slice(1, -1)
  return String(key)
}
