import { type ErrorDetail, ReportedError } from '@onbehalf/errors'
import type { FastifyError } from 'fastify'

type Fault = NonNullable<FastifyError['validation']>[number]

/** A schema fault as a 400 that names each field once, and says what it takes. */
export const schemaFault = ({ validation = [], validationContext = 'body' }: FastifyError): ReportedError => {
  const byPath = Map.groupBy(validation, (fault) => pathOf(fault) || validationContext)
  const details = [...byPath].map(([path, faults]): ErrorDetail => ({ path, message: messageOf(faults) }))
  const [first] = details
  const sentence = first ? `${first.path} ${first.message}.` : `The ${validationContext} is not as it must be.`
  return new ReportedError('invalid_request', sentence, { details })
}

const pathOf = ({ instancePath, keyword, params }: Fault): string => {
  const name = keyword === 'additionalProperties' ? params.additionalProperty : params.missingProperty
  const above = instancePath.slice(1).replaceAll('/', '.')
  return [above, name].filter((part) => typeof part === 'string' && part !== '').join('.')
}

// A union tells of each of its branches and then of itself: its values, where it has some, are what helps.
const messageOf = (faults: Fault[]): string => {
  const values = faults.flatMap(({ keyword, params }) => (keyword === 'const' ? [String(params.allowedValue)] : []))
  const orNull = faults.some(({ params }) => params.type === 'null') ? ' or null' : ''
  if (values.length > 0) return `must be ${values.length > 1 ? 'one of ' : ''}${values.join(', ')}${orNull}`
  const [first] = faults
  const known = first && messages[first.keyword]?.(first)
  return known ?? first?.message ?? 'is not as it must be'
}

const messages: Readonly<Record<string, (fault: Fault) => string | undefined>> = {
  required: () => 'is missing',
  additionalProperties: () => 'is not known here',
  format: ({ params }) => formats[String(params.format)]
}

const formats: Readonly<Record<string, string>> = {
  uuid: 'must be a UUID, such as 01890a5d-ac96-774b-bcce-b302099a8057',
  uri: 'must be a URL, with its scheme',
  email: 'must be an e-mail address',
  'date-time': 'must be a time as RFC 3339 has it, such as 2026-01-31T12:00:00Z'
}
