import { type ErrorCode, statusByCode } from '@onbehalf/errors'
import type { RouteOptions } from 'fastify'
import type { Access } from '../access.ts'

/** A code with the table's status, or with another one that this route's callers see. */
export type RouteError = ErrorCode | readonly [code: ErrorCode, status: number]

/** In what form a scope tells of errors: a page where people look at it. */
export type AnswerForm = 'json' | 'oauth' | 'json-rpc' | 'page' | 'page or json'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What this route refuses with beyond what all routes of its kind do. */
    errors?: readonly RouteError[]
    answers?: AnswerForm
  }
}

type Described = Pick<RouteOptions, 'config' | 'method' | 'schema'>
type Rule = { when: (route: Described) => boolean; errors: readonly ErrorCode[] }

const accessOf = ({ config }: Described): Access => config?.access ?? 'public'
const isGuarded = (route: Described) => typeof accessOf(route) === 'object'
const takesCookie = (route: Described) => {
  const access = accessOf(route)
  return access === 'renewal' || (typeof access === 'object' && access.credentials.includes('session'))
}
const hasBody = ({ method }: Described) => [method].flat().some((one) => !['GET', 'HEAD', 'OPTIONS'].includes(one))
const isUnsafe = (route: Described) => hasBody(route) || route.config?.isUnsafe === true
const isLimited = ({ config }: Described) => config !== undefined && 'rateLimit' in config

/** What routes refuse with by what they are, so that none has to say it. */
const rules: readonly Rule[] = [
  { when: () => true, errors: ['internal', 'unavailable'] },
  { when: ({ schema }) => schema?.params !== undefined, errors: ['not_found'] },
  { when: ({ schema }) => Boolean(schema?.params ?? schema?.querystring ?? schema?.body), errors: ['invalid_request'] },
  { when: hasBody, errors: ['invalid_request', 'payload_too_large', 'unsupported_media_type'] },
  { when: isGuarded, errors: ['unauthenticated', 'invalid_bearer', 'forbidden', 'too_many_requests'] },
  { when: (route) => accessOf(route) === 'inner', errors: ['not_found', 'too_many_requests'] },
  { when: (route) => accessOf(route) === 'renewal', errors: ['unauthenticated'] },
  { when: (route) => takesCookie(route) && isUnsafe(route), errors: ['csrf_rejected'] },
  { when: isLimited, errors: ['too_many_requests'] }
]

/** The codes a route may refuse with, by their status. */
export const errorsOf = (route: Described): Map<number, ErrorCode[]> => {
  const common = rules.filter(({ when }) => when(route)).flatMap(({ errors }) => errors)
  const all = new Map<string, [ErrorCode, number]>()
  for (const one of [...common, ...(route.config?.errors ?? [])]) {
    const [code, status]: readonly [ErrorCode, number] = typeof one === 'string' ? [one, statusByCode[one]] : one
    all.set(`${code} ${status}`, [code, status])
  }
  const byStatus = Map.groupBy(all.values(), ([, status]) => status)
  return new Map([...byStatus].map(([status, codes]) => [status, codes.map(([code]) => code).sort()]))
}
