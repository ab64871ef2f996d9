import { Ajv, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'
import fastJson from 'fast-json-stringify'
import type { FastifySchemaCompiler } from 'fastify'

// The schemas are TypeBox's and need no check against a schema of schemas, which takes 40 ms of every start.
const options = { removeAdditional: false, useDefaults: true, allErrors: false, meta: false, validateSchema: false }
// Strict for bodies; query and path are text, so there numbers and booleans are read out of it.
const bodies = new Ajv({ ...options, coerceTypes: false })
const texts = new Ajv({ ...options, coerceTypes: 'array' })
formats.default(bodies)
formats.default(texts)

type Validate = { (data: unknown): boolean; errors: NonNullable<ValidateFunction['errors']> | null }

/** Checks by a schema that is compiled when the first request needs it: all at once they are 25 ms of every start. */
export const validatorCompiler: FastifySchemaCompiler<object> = ({ schema, httpPart }) => {
  let compiled: ValidateFunction | undefined
  const validate: Validate = (data) => {
    compiled ??= (httpPart === 'body' ? bodies : texts).compile(schema)
    const isValid = compiled(data)
    validate.errors = compiled.errors ?? null
    return isValid
  }
  validate.errors = null
  return validate
}

/** Writes by a schema that is compiled for the first answer; what is not in the schema does not leave. */
export const serializerCompiler = ({ schema }: { schema: Parameters<typeof fastJson>[0] }) => {
  let compiled: ReturnType<typeof fastJson> | undefined
  return (data: unknown): string => {
    compiled ??= fastJson(schema)
    return compiled(data)
  }
}
