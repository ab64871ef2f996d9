import { RE2JS } from 're2js'

/** What Ajv makes of a `pattern`; its text tells one from another. */
export type Pattern = { test: (text: string) => boolean; toString: () => string }

const charactersMax = 1_000
// They would be read as something else than what they mean to the server: references back, and what only such an engine knows.
const ambiguous = /\\[1-9kAzQEa]|\\[pP](?!\{)|\[:\^?\w+:\]/

// What \s is to ECMA-262 (§22.2.2.9), and all else; to the engine it is ASCII's.
const spaces = '\\t-\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}'
const others =
  '\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}' +
  '\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}'

/**
 * Patterns that take time in proportion to the text. What such an engine does not know, such as looking ahead, matches
 * everything: the server is the one to refuse it.
 */
export const linearPatterns =
  (spend: (steps: number) => void) =>
  (pattern: string): Pattern => {
    const compiled = compile(pattern)
    if (!compiled) return { test: () => true, toString: () => pattern }
    const stepsPerCharacter = 0.1 + compiled.programSize() / 1_000
    return {
      test: (text) => {
        spend(1 + text.length * stepsPerCharacter)
        return compiled.test(text)
      },
      toString: () => pattern
    }
  }

const compile = (pattern: string): RE2JS | undefined => {
  if (pattern.length > charactersMax || ambiguous.test(pattern)) return undefined
  try {
    return RE2JS.compile(withSpaces(RE2JS.translateRegExp(pattern)))
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
