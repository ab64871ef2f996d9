import type { ErrorCode } from '@onbehalf/errors'
import type { Static, TSchema } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler'

/** One request/reply call between services: both sides are written against the same value. */
export type CallContract<Request extends TSchema = TSchema, Reply extends TSchema = TSchema> = {
  /** `<owner>.<noun>.<verb>.v<n>`; a breaking change is a new version beside the old one. */
  subject: string
  owner: string
  /** The services that may ask. NATS permissions are generated from this list. */
  callers: readonly string[]
  request: Request
  reply: Reply
  /** Codes this call may answer with, besides the ones every call can. */
  errors: readonly ErrorCode[]
  /** Every replica of the owner hears it, and the one it concerns answers; otherwise any one replica does. */
  toEveryReplica: boolean
}

export const defineCall = <Request extends TSchema, Reply extends TSchema>(definition: {
  subject: string
  callers: readonly string[]
  request: Request
  reply: Reply
  errors: readonly ErrorCode[]
  toEveryReplica?: boolean
}): CallContract<Request, Reply> => ({
  toEveryReplica: false,
  ...definition,
  owner: ownerOf(definition.subject)
})

/** The service that answers on a subject is its first word. */
export const ownerOf = (subject: string): string => subject.slice(0, subject.indexOf('.'))

const compiled = new WeakMap<TSchema, TypeCheck<TSchema>>()

/** The first fault of `value` against `schema`, or undefined. Compiled once per schema. */
export const faultOf = (schema: TSchema, value: unknown): { path: string; message: string } | undefined => {
  const check = checkOf(schema)
  if (check.Check(value)) return undefined
  const fault = check.Errors(value).First()
  return { path: fault?.path ?? '', message: fault?.message ?? 'does not match' }
}

/** `value`, known to be of `schema`. */
export const matches = <Schema extends TSchema>(schema: Schema, value: unknown): value is Static<Schema> =>
  checkOf(schema).Check(value)

const checkOf = (schema: TSchema): TypeCheck<TSchema> => {
  const known = compiled.get(schema)
  if (known) return known
  const check = TypeCompiler.Compile(schema)
  compiled.set(schema, check)
  return check
}
