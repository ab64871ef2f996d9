import type { Document, Operation } from './describe-service.ts'
import { nameOf, typeText } from './type-text.ts'

/** packages/client/src/generated/operations.ts: each operation with what it takes and all it answers. */
export const clientText = ({ components, paths }: Document): string => {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation }))
  )
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) => `export type ${nameOf(name)} = ${typeText(schema)}\n`
  )
  return `// Generated from the services' routes by \`npm run generate\`; do not edit.
${schemas.join('')}
export type Operations = {
${operations.map(({ name, operation }) => operationText(name, operation)).join('\n')}
}

/** The statuses that each operation answers with. */
export const statuses: { readonly [Name in keyof Operations]: readonly (keyof Operations[Name]['answers'])[] } = {
${operations.map(({ name, operation }) => `  '${name}': [${Object.keys(operation.responses).join(', ')}]`).join(',\n')}
}
`
}

const operationText = (name: string, { summary, parameters = [], requestBody, responses }: Operation): string => {
  const answers = Object.entries(responses).map(([status, { content }]) => `      ${status}: ${contentText(content)}`)
  const given = [
    ...parametersText('path', parameters),
    ...parametersText('query', parameters),
    ...(requestBody ? [`    body: ${contentText(requestBody.content)}`] : [])
  ]
  return `${summary ? `  /** ${summary} */\n` : ''}  '${name}': {
${[...given, `    answers: {\n${answers.join('\n')}\n    }`].join('\n')}
  }`
}

type Parameters = NonNullable<Operation['parameters']>

const parametersText = (where: 'path' | 'query', all: Parameters): string[] => {
  const here = all.filter((one) => one.in === where)
  if (here.length === 0) return []
  const properties = Object.fromEntries(here.map(({ name, schema }) => [name, schema]))
  const required = here.filter((one) => one.required).map(({ name }) => name)
  const isNeeded = required.length > 0
  return [`    ${where}${isNeeded ? '' : '?'}: ${typeText({ type: 'object', properties, required })}`]
}

const contentText = (content: Operation['responses'][string]['content']): string => {
  const schema = content?.['application/json']?.schema
  if (schema) return typeText(schema)
  return content ? 'string' : 'undefined'
}
