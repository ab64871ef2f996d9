import { RE2JS } from 're2js'

/** What Ajv makes of a `pattern`; its text tells one from another. */
export type Pattern = { test: (text: string) => boolean; toString: () => string }

const charactersMax = 1_000
// It would be read as something else than what it means to the server.
const backReference = /\\[1-9k]/

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
  if (pattern.length > charactersMax || backReference.test(pattern)) return undefined
  try {
    return RE2JS.compile(RE2JS.translateRegExp(pattern))
  } catch {
    return undefined
  }
}
