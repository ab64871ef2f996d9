import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import type { FastifySchemaCompiler } from 'fastify'

// Strict for bodies; query and path are text, so there numbers and booleans are read out of it.
const bodies = new Ajv({ removeAdditional: false, coerceTypes: false, useDefaults: true, allErrors: false })
const texts = new Ajv({ removeAdditional: false, coerceTypes: 'array', useDefaults: true, allErrors: false })
formats.default(bodies)
formats.default(texts)

export const validatorCompiler: FastifySchemaCompiler<object> = ({ schema, httpPart }) =>
  httpPart === 'body' ? bodies.compile(schema) : texts.compile(schema)
