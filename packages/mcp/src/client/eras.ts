import { createBoundedMap } from './bounded-map.ts'
import { refusal } from './errors.ts'
import { type Answer, isJson, modernErrorCodes, modernVersion, unsupportedVersionCode } from './protocol.ts'
import { requestModern } from './request-modern.ts'
import type { Target, Wires } from './target.ts'

/** `events`: HTTP+SSE of 2024-11-05. */
export type Era = 'modern' | 'legacy' | 'events'

/** Which era the server at an address speaks, remembered for a while per origin and path. */
export type Eras = {
  remembered: (url: string) => Era | undefined
  remember: (url: string, era: Era) => void
  forget: (url: string) => void
}

export const createEras = (limits: { erasMax: number; eraMs: number }, now: () => Date): Eras => {
  const known = createBoundedMap<Era>({ entriesMax: limits.erasMax, ageMs: limits.eraMs, now })
  return {
    remembered: (url) => known.get(address(url)),
    remember: (url, era) => known.set(address(url), era),
    forget: (url) => known.delete(address(url))
  }
}

/**
 * Asks a server which era it speaks, with a request that does nothing. 401 and 403 are thrown, being no evidence; a
 * server that is down tells nothing either.
 */
export const probeEra = async (wires: Wires, target: Target): Promise<Era> => {
  const quiet = { ...target, wantsEvents: false }
  const answer = await requestModern(wires, quiet, { method: 'server/discover', params: {} }, modernVersion)
  if (answer.kind === 'result') return speaksModern(answer.result.supportedVersions) ? 'modern' : 'legacy'
  if (answer.kind === 'refused' && tellsNothing.has(answer.status)) throw refusal(answer.status, answer.headers)
  return isModernRefusal(answer) ? 'modern' : 'legacy'
}

/** Whether an answer to a modern request looks like one of a server that no longer, or never, spoke it. */
export const looksLegacy = (answer: Answer): boolean => {
  if (answer.kind === 'result') return false
  const isUnknown = answer.status === 400 || answer.status === 404 || answer.status === 405
  if (answer.kind === 'refused') return isUnknown
  return answer.error.code === unsupportedVersionCode || (isUnknown && answer.error.code === serverErrorCode)
}

// Legacy SDKs refuse a request without a session with this general code.
const serverErrorCode = -32000

// Some legacy servers answer 500 to what they do not know; a gateway's own answers and 429 come from before them.
const tellsNothing: ReadonlySet<number> = new Set([401, 403, 408, 429, 502, 503, 504])

const isModernRefusal = (answer: Answer): boolean => {
  if (answer.kind !== 'error' || !modernErrorCodes.has(answer.error.code)) return false
  if (answer.error.code !== unsupportedVersionCode) return true
  return isJson(answer.error.data) && speaksModern(answer.error.data.supported)
}

const speaksModern = (versions: unknown): boolean => Array.isArray(versions) && versions.includes(modernVersion)

const address = (url: string): string => {
  const end = url.search(/[?#]/)
  return end < 0 ? url : url.slice(0, end)
}
