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

type Described = { content?: Record<string, object> }
export type Description = {
  components?: object
  paths?: Record<string, Record<string, { responses?: Record<string, Described> }>>
}

/** What an answer has that the description of its service does not tell of, in a sentence; undefined where all is well. */
export const createCheck = (description: object & Description) => {
  const ajv = new Ajv2020({ strict: false, validateSchema: false, allErrors: true })
  formats.default(ajv)
  ajv.addSchema(description, 'description')
  const compiled = new Map<string, ValidateFunction>()
  const validatorAt = (...path: string[]): ValidateFunction => {
    const pointer = path.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')
    const validate = compiled.get(pointer) ?? ajv.compile({ $ref: `description#/${encodeURI(pointer)}` })
    compiled.set(pointer, validate)
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
    if (!described.content[media]) return `answered ${status} as ${media || 'nothing'}, and that form is not described`
    if (media !== 'application/json' || typeof body !== 'string') return undefined
    const at = ['paths', path, method.toLowerCase(), 'responses', String(status), 'content', media, 'schema']
    const validate = validatorAt(...at)
    if (validate(JSON.parse(body))) return undefined
    return `answered ${status} ${codeIn(body)}: ${ajv.errorsText(validate.errors, { dataVar: 'body' })}`
  }
}

const codeIn = (body: unknown): string => /"(?:code|error)":"(\w+)"/.exec(String(body))?.[1] ?? ''
