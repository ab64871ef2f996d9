import type { ErrorCode } from '@onbehalf/errors'
import type { FastifySchema, RouteOptions } from 'fastify'
import type { App } from '../create-app.ts'
import { type AnswerForm, errorsOf, type RouteError } from './errors.ts'

type Content = Record<string, { schema: object }>

const text = { type: 'string' }
const codesIn = (schema: string, field: string) => (codes: readonly ErrorCode[]) => ({
  schema: { allOf: [{ $ref: `${schema}#` }, { properties: { [field]: { enum: codes } } }] }
})
const asError = codesIn('Error', 'code')
const asOAuthError = codesIn('OAuthError', 'error')
const page = { 'text/html': { schema: text } }

const contentOf: Readonly<Record<AnswerForm, (codes: readonly ErrorCode[]) => Content>> = {
  json: (codes) => ({ 'application/json': asError(codes) }),
  oauth: (codes) => ({ 'application/json': asOAuthError(codes) }),
  'json-rpc': () => ({ 'application/json': { schema: { $ref: 'JsonRpcError#' } } }),
  page: () => page,
  'page or json': (codes) => ({ ...page, 'application/json': asError(codes) })
}

const elsewhere = { description: 'Elsewhere', type: 'null', headers: { location: text } }
const whole = { description: 'A page', content: page }

/** Where people come, a browser may be led on; and is shown a page, where nothing else is said. */
const usualOf = (form: AnswerForm, saysMore: boolean): Record<string, unknown> => {
  if (!form.startsWith('page')) return {}
  return saysMore ? { 303: elsewhere } : { 200: whole, 303: elsewhere }
}

type Described = Pick<RouteOptions, 'config' | 'method' | 'schema'>

/** Every answer of a route, errors included, as @fastify/swagger describes answers. */
const answersOf = (route: Described): Record<string, unknown> => {
  const { schema, config: { answers: form = 'json' } = {} } = route
  const errors = [...errorsOf(route)].map(([status, codes]): [string, object] => [
    String(status),
    { description: codes.join(', '), content: contentOf[form](codes) }
  ])
  const own = schema?.response
  return { ...Object.fromEntries(errors), ...usualOf(form, own !== undefined), ...Object(own) }
}
// TypeBox requires what has a default, which is right for whoever reads it and wrong for whoever sends it.
const withDefaultsOptional = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(withDefaultsOptional)
  if (!isRecord(schema)) return schema
  const { required, properties } = schema
  const isSent = (name: unknown) =>
    isRecord(properties) && isRecord(properties[String(name)]) && !('default' in Object(properties[String(name)]))
  const changed = Object.entries(schema).map(([key, value]) => [key, withDefaultsOptional(value)])
  return Object.fromEntries([...changed, ...(Array.isArray(required) ? [['required', required.filter(isSent)]] : [])])
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const takenBy = ({ body, querystring }: FastifySchema = {}) => ({
  ...(body ? { body: withDefaultsOptional(body) } : {}),
  // A query that may have any name has none to tell of.
  querystring: isRecord(querystring) && querystring.properties ? withDefaultsOptional(querystring) : undefined
})

/** For @fastify/swagger: the route's schema with all of its answers. They are told of here, and bind no serializer. */
export const describeRoute = ({ schema, url, route }: { schema: FastifySchema; url: string; route: RouteOptions }) => ({
  // Fastify serves a scope's own path with and without it.
  url: url.replace(/(?<=.)\/$/, ''),
  schema: schema?.hide ? schema : { ...schema, ...takenBy(schema), response: answersOf(route) }
})

/** Says for all routes of a scope in what form they tell of errors, and of which; its error handler has to do so. */
export const describeAnswersAs = (scope: App, answers: AnswerForm, errors: readonly RouteError[] = []): void => {
  scope.addHook('onRoute', (route) => {
    route.config = { ...route.config, answers, errors: [...errors, ...(route.config?.errors ?? [])] }
  })
}
