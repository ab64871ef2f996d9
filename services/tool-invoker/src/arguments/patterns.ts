import { RE2JS } from 're2js'

/** A pattern that takes time in proportion to the text. */
export type Pattern = {
  /** How long its program is. */
  size: number
  matches: (text: string) => boolean
}

const charactersMax = 1_000
// They would be read as something else than what they mean to the server: references back, and what only such an engine knows.
const ambiguous = /\\[1-9kAzQEa]|\\[pP](?!\{)|\[:\^?\w+:\]/

// What \s is to ECMA-262 (§22.2.2.9), and all else; to the engine it is ASCII's.
const spaces = '\\t-\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}'
const others =
  '\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}' +
  '\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}'

/**
 * A pattern of ECMA-262, where it means the same to the engine; it does not look ahead, for one. `spend` hears how long its
 * program will be at most before that is made, and throws where it is too long.
 */
export const compilePattern = (pattern: string, spend: (size: number) => void): Pattern | undefined => {
  if (pattern.length > charactersMax || ambiguous.test(pattern)) return undefined
  const translated = withSpaces(RE2JS.translateRegExp(pattern))
  const sizeMax = sizeAtMost(translated)
  if (sizeMax === undefined) return undefined
  spend(sizeMax)
  try {
    const compiled = RE2JS.compile(translated)
    // Its `test` keeps up to 8 MB of what it found out about texts.
    return { size: compiled.programSize(), matches: (text) => compiled.matcher(text).find() }
  } catch {
    return undefined
  }
}

const withSpaces = (pattern: string): string => {
  let isInClass = false
  return pattern.replaceAll(/\\[\s\S]|[[\]]/g, (sign) => {
    if (sign === '[') isInClass = true
    else if (sign === ']') isInClass = false
    const characters = sign === '\\s' ? spaces : sign === '\\S' ? others : undefined
    if (characters === undefined) return sign
    return isInClass ? characters : `[${characters}]`
  })
}

// A class; what is escaped; how often something is repeated; a group's beginning; any other character.
const signs =
  /\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]|\\[pPx]\{[^}\\]*\}|\\[\s\S]|\{(\d+)(?:,(\d*))?\}|\((?:\?(?::|P?<[^>(]*>))?|[\s\S]/g
// Of letters, or of a script: hundreds of ranges, which are put in order.
const property = /\\p/gi
// Sizes of programs; but to read a pattern, and the ranges of a class, takes as long as to make so many instructions.
const [patternSize, atomSize, groupSize, propertySize, charactersPerSize] = [60, 2, 4, 80, 8]

// The engine takes no more; what is more is no repetition, or no pattern.
const repeatsMax = 1_000

/**
 * How long a pattern's program is at most, with what is repeated written out as often; undefined where there is no such
 * pattern, or for flags: `(?i)` has the engine go through all letters that there are.
 */
const sizeAtMost = (pattern: string): number | undefined => {
  const around: number[] = []
  let [size, last, before] = [0, 0, '']
  for (const [sign, least, most] of pattern.matchAll(signs)) {
    if (sign === '[' || (sign === '?' && before === '(')) return undefined
    if (least !== undefined) {
      const times = Math.min(Number(most || least), repeatsMax) + 1
      size += last * (times - 1)
      last *= times
    } else if (sign.startsWith('(')) {
      around.push(size)
      size = 0
      last = 0
    } else if (sign === ')') {
      last = size + groupSize
      size = (around.pop() ?? 0) + last
    } else if ('*+?'.includes(sign)) {
      size += atomSize
      last += atomSize
    } else {
      last = atomSize + propertySize * [...sign.matchAll(property)].length + sign.length / charactersPerSize
      size += last
    }
    before = sign
  }
  return size + patternSize
}
