import { readFileSync } from 'node:fs'

/** One environment variable: what it is for, how its text becomes a value, and what holds when it is not set. */
export type Variable<Value> = {
  describe: string
  /** As shown in the README; undefined where the variable must be set. */
  defaultText: string | undefined
  isSecret: boolean
  /** Throws an Error that says what is wrong and what to do, without the value. */
  parse: (text: string) => Value
  fallback: { value: Value } | undefined
}

export type Variables = Record<string, Variable<unknown>>

export type ConfigOf<Set extends Variables> = {
  readonly [Name in keyof Set]: Set[Name] extends Variable<infer Value> ? Value : never
}

/** Every mistake of a configuration at once; none of them shows a value. */
export class ConfigError extends Error {
  readonly mistakes: readonly string[]
  constructor(mistakes: readonly string[]) {
    super(mistakes.join('\n'))
    this.name = 'ConfigError'
    this.mistakes = mistakes
  }
}

/** Reads all `variables` from `env`; secrets may also be given as a file's path in `NAME_FILE`. */
export const loadConfig = <Set extends Variables>(
  variables: Set,
  env: Readonly<Record<string, string | undefined>>
): ConfigOf<Set> => {
  const mistakes: string[] = []
  const values: Record<string, unknown> = {}
  for (const [name, variable] of Object.entries(variables)) {
    try {
      values[name] = read(name, variable, env)
    } catch (error) {
      const words = error instanceof Error ? error.message : 'cannot be read'
      mistakes.push(words.startsWith(name) ? words : `${name}: ${words}`)
    }
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return values as ConfigOf<Set> // every name of Set was just filled with what its own parse returned
}

const read = (name: string, variable: Variable<unknown>, env: Readonly<Record<string, string | undefined>>) => {
  const text = textOf(name, variable, env)
  if (text !== undefined && text !== '') return variable.parse(text)
  if (variable.fallback) return variable.fallback.value
  throw new Error(`is not set. ${variable.describe}`)
}

const textOf = (name: string, { isSecret }: Variable<unknown>, env: Readonly<Record<string, string | undefined>>) => {
  const path = isSecret ? env[`${name}_FILE`] : undefined
  if (!path) return env[name]
  if (env[name]) throw new Error(`is given twice: keep either ${name} or ${name}_FILE`)
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    throw new Error(`${name}_FILE names a file that cannot be read`)
  }
}

type Options<Value> = { default?: Value; isSecret?: boolean }

/** Makes a kind of variable out of a parser. */
export const variable =
  <Value>(parse: (text: string) => Value) =>
  (describe: string, { default: value, isSecret = false }: Options<Value> = {}): Variable<Value> => ({
    describe,
    parse,
    isSecret,
    fallback: value === undefined ? undefined : { value },
    defaultText: value === undefined ? undefined : String(value)
  })

export const text = variable((given) => given)

export const integer = ({ min, max }: { min: number; max: number }) =>
  variable((given) => {
    const value = Number(given)
    if (Number.isInteger(value) && value >= min && value <= max) return value
    throw new Error(`must be a whole number from ${min} to ${max}`)
  })

export const oneOf = <const Word extends string>(...words: Word[]) =>
  variable((given): Word => {
    const word = words.find((candidate) => candidate === given)
    if (word) return word
    throw new Error(`must be one of ${words.join(', ')}`)
  })

export const list = variable((given) =>
  given
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
)

/** An origin (scheme, host, port) without a path, normalised. */
export const origin = variable((given) => {
  const url = URL.canParse(given) ? new URL(given) : undefined
  if (url && /^https?:$/.test(url.protocol) && url.pathname === '/' && !url.search && !url.username) return url.origin
  throw new Error('must be an origin such as https://onbehalf.example.com, without a path')
})

/** The origin users see: https, or http on loopback, where cookies cannot be read on the way. */
export const publicOrigin = (describe: string): Variable<string> => {
  const made = origin(describe)
  return {
    ...made,
    parse: (given) => {
      const value = made.parse(given)
      if (value.startsWith('https:') || /^http:\/\/(127(\.\d+){3}|localhost|\[::1\])(:|$)/.test(value)) return value
      throw new Error('must be https; http is for loopback only')
    }
  }
}

/** A URL of one of `schemes`; may hold a password, so it is a secret. */
export const serverUrl = (...schemes: string[]) => {
  const make = variable((given) => {
    const isFine = URL.canParse(given) && schemes.includes(new URL(given).protocol.slice(0, -1))
    if (isFine) return given
    throw new Error(`must be a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`)
  })
  return (describe: string) => make(describe, { isSecret: true })
}

const knownWords = /changeme|change-me|password|secret|example|default|12345|letmein|test-?key/i

/** A secret of at least `bytes` bytes that is not one of the well-known ones. */
export const strongSecret = (bytes = 32) =>
  variable((given) => {
    if (Buffer.byteLength(given) < bytes)
      throw new Error(`is too short: give at least ${bytes} bytes, for example from \`openssl rand -base64 ${bytes}\``)
    if (knownWords.test(given) || new Set(given).size < 10)
      throw new Error(`is too easy to guess: make one with \`openssl rand -base64 ${bytes}\``)
    return given
  })
