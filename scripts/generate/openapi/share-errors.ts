import type { Document, Operation } from './describe-service.ts'

type Answer = Operation['responses'][string]
type Answers = Record<string, Answer | { $ref: string }>

const formOf = ({ content = {} }: Answer): string => {
  const written = JSON.stringify(content)
  if (written.includes('/OAuthError"')) return 'oauth'
  if (written.includes('/JsonRpcError"')) return 'json-rpc'
  if (!written.includes('/Error"')) return 'page'
  return 'text/html' in content ? 'page-or-json' : 'json'
}

/** The document with each error answer said once, because most routes refuse for the same reasons. */
export const shareErrors = ({ paths, components, ...rest }: Document): object => {
  const responses: Record<string, Answer> = {}
  const share = (status: string, answer: Answer): Answer | { $ref: string } => {
    if (Number(status) < 400) return answer
    // What OpenAPI takes as the key of a component.
    const name = [status, ...answer.description.split(', '), formOf(answer)].join('.').replaceAll(/[^\w.-]+/g, '-')
    responses[name] = answer
    return { $ref: `#/components/responses/${name}` }
  }
  const shared = (answers: Operation['responses']): Answers =>
    mapValues(answers, (answer, status) => share(status, answer))
  const sharedPaths = mapValues(paths, (methods) =>
    mapValues(methods, (operation) => ({ ...operation, responses: shared(operation.responses) }))
  )
  const sorted = Object.fromEntries(Object.entries(responses).sort(([one], [other]) => (one < other ? -1 : 1)))
  return { ...rest, components: { ...components, responses: sorted }, paths: sharedPaths }
}

const mapValues = <Value, Result>(
  record: Readonly<Record<string, Value>>,
  change: (value: Value, key: string) => Result
): Record<string, Result> =>
  Object.fromEntries(Object.entries(record).map(([key, value]): [string, Result] => [key, change(value, key)]))
