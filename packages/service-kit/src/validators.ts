import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import type { FastifySchemaCompiler } from 'fastify'

// The schemas are TypeBox's and need no check against a schema of schemas, which takes 40 ms of every start.
const options = { removeAdditional: false, useDefaults: true, allErrors: false, meta: false, validateSchema: false }
// Strict for bodies; query and path are text, so there numbers and booleans are read out of it.
const bodies = new Ajv({ ...options, coerceTypes: false })
const texts = new Ajv({ ...options, coerceTypes: 'array' })
formats.default(bodies)
formats.default(texts)

export const validatorCompiler: FastifySchemaCompiler<object> = ({ schema, httpPart }) =>
  httpPart === 'body' ? bodies.compile(schema) : texts.compile(schema)
