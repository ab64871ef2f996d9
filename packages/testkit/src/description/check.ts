import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'

export type Answer = {
  /** As the description names it: `GET /v1/tools/{id}`. */
  method: string
  path: string
  status: number
  type: string | undefined
  body: unknown
}

type Described = { content?: Record<string, { schema?: object }> }
export type Description = {
  components?: object
  paths?: Record<string, Record<string, { responses?: Record<string, Described> }>>
}

/** What an answer has that the description of its service does not tell of, in a sentence; undefined where all is well. */
export const createCheck = (description: object & Description) => {
  const ajv = new Ajv2020({ strict: false, validateSchema: false, allErrors: true })
  formats.default(ajv)
  const compiled = new Map<object, ValidateFunction>()
  // Each by itself: for a reference into the whole description Ajv reads all of it, in every file that has an application.
  const validatorOf = (schema: object): ValidateFunction => {
    const validate = compiled.get(schema) ?? ajv.compile({ ...schema, components: description.components })
    compiled.set(schema, validate)
    return validate
  }

  return ({ method, path, status, type = '', body }: Answer): string | undefined => {
    const operation = description.paths?.[path]?.[method.toLowerCase()]
    if (!operation) return 'is not described at all'
    const described = operation.responses?.[status]
    if (!described)
      return `answered ${status} ${codeIn(body)}: name its code in config.errors, or the answer in schema.response`
    // Fastify sends no body with it, whatever it was given.
    const isEmpty = status === 204 || body === undefined || body === null || body === ''
    if (!described.content) return isEmpty ? undefined : `answered ${status} with a body, and none is described`
    const [media = ''] = type.split(';')
    const form = described.content[media]
    if (!form) return `answered ${status} as ${media || 'nothing'}, and that form is not described`
    if (media !== 'application/json' || typeof body !== 'string') return undefined
    const validate = validatorOf(form.schema ?? {})
    if (validate(JSON.parse(body))) return undefined
    return `answered ${status} ${codeIn(body)}: ${ajv.errorsText(validate.errors, { dataVar: 'body' })}`
  }
}

const codeIn = (body: unknown): string => /"(?:code|error)":"(\w+)"/.exec(String(body))?.[1] ?? ''
