import type { Egress } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'

/** More than any identity provider says about itself. Too much to hold: many small values take twenty times their text. */
export const bytesMax = 256 * 1024
const depthMax = 20

type Ask = { method?: 'GET' | 'POST'; headers?: Record<string, string>; body?: string; timeoutMs?: number }

/** The JSON of a 200 answer of an IdP, small and shallow; over https or from a listed loopback address only. */
export const fetchJson = async (egress: Pick<Egress, 'request'>, url: string, ask: Ask = {}): Promise<unknown> => {
  const { headers, timeoutMs = 10_000, ...rest } = ask
  const response = await egress.request(url, {
    ...rest,
    timeoutMs,
    headers: { accept: 'application/json', 'user-agent': 'onbehalf', ...headers },
    maxBytes: bytesMax,
    // What others believe because of it must not be changed on the way.
    carriesCredential: true
  })
  if (response.status === 200) return parseShallow(await response.text())
  response.discard()
  const isAway = response.status >= 500 || response.status === 429
  const words = `"${new URL(url).host}" answered ${response.status}.`
  throw new ReportedError(isAway ? 'upstream_unavailable' : 'upstream_error', words)
}

/** Throws for JSON that is nested so deep that whoever walks it could fall over. */
export const requireShallow = (text: string): void => {
  if (hasMany(text, depthMax) && depthOf(text) > depthMax)
    throw new ReportedError('upstream_error', `The answer is JSON nested more than ${depthMax} levels deep.`)
}

/** The value of JSON that is not nested deep. */
export const parseShallow = (text: string): unknown => {
  requireShallow(text)
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own error quotes the text, which may hold a token.
    throw new ReportedError('upstream_error', 'The answer is not JSON.')
  }
}

/** In bytes: what a character of JSON takes at most where it is held, as one of many words of three that all differ. */
const weightOfCharacter = 9

/** A copy with these members alone, on every level, and what it weighs. */
export const onlyMembers = <Of, Name extends keyof Of & string>(
  of: Of,
  names: readonly Name[]
): { copy: Pick<Of, Name>; weight: number } => {
  const text = JSON.stringify(of, [...names])
  return { copy: JSON.parse(text), weight: text.length * weightOfCharacter }
}

/** Whether `text` has more than `max` opening brackets anywhere: with fewer nothing is nested deeper. */
const hasMany = (text: string, max: number): boolean => {
  let left = max
  for (const bracket of ['{', '['])
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      left -= 1
      if (left < 0) return true
    }
  return false
}

/** How deep brackets are nested in `text`, those inside of its strings left out. */
const depthOf = (text: string): number => {
  let [depth, deepest, isString] = [0, 0, false]
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (character === '"') isString = !isString
    else if (isString) at += character === '\\' ? 1 : 0
    else if (character === '[' || character === '{') deepest = Math.max(deepest, ++depth)
    else if (character === ']' || character === '}') depth -= 1
  }
  return deepest
}
