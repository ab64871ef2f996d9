import { type Operations, statuses } from './generated/operations.ts'

type Name = keyof Operations
type Answers<Operation extends Name> = Operations[Operation]['answers']

/** What an operation takes: `path`, `query` and `body`, as far as it has them. */
export type GivenTo<Operation extends Name> = Omit<Operations[Operation], 'answers'>

/** One of the answers an operation is described with; its `status` tells which, and so what `body` is. */
export type AnswerOf<Operation extends Name> = {
  [Status in keyof Answers<Operation>]: { status: Status; body: Answers<Operation>[Status] }
}[keyof Answers<Operation>]

export type Sent = { method: string; path: string; json?: unknown }

/** How a request goes out and comes back: the origin, credentials, limits and deadlines are the transport's. */
export type Transport = (sent: Sent) => Promise<{ status: number; type: string | undefined; text: string }>

/** What came is in no description: another server, or something in between. */
export class UnexpectedAnswer extends Error {
  override name = 'UnexpectedAnswer'
  readonly status: number

  constructor(operation: string, status: number) {
    super(`${operation} answered ${status}, which is not as it is described`)
    this.status = status
  }
}

export type Client = {
  /** Throws `UnexpectedAnswer`, and whatever the transport throws. */
  ask: <Operation extends Name>(operation: Operation, given: GivenTo<Operation>) => Promise<AnswerOf<Operation>>
}

export const createClient = (send: Transport): Client => ({
  ask: async <Operation extends Name>(operation: Operation, given: GivenTo<Operation>) => {
    const { path = {}, query = {}, body }: Given = given
    const [method = '', template = ''] = operation.split(' ')
    const { status, type, text } = await send({
      method,
      path: `${filled(template, path)}${queryText(query)}`,
      ...(body === undefined ? {} : { json: body })
    })
    const described: readonly PropertyKey[] = statuses[operation]
    if (!described.includes(status)) throw new UnexpectedAnswer(operation, status)
    const answer: AnswerOf<Operation> = JSON.parse(
      JSON.stringify({ status, body: bodyOf(operation, status, type, text) })
    )
    return answer
  }
})

type Given = { path?: Record<string, unknown>; query?: Record<string, unknown>; body?: unknown }

const filled = (template: string, path: Record<string, unknown>): string =>
  template.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(path[name])))

const queryText = (query: Record<string, unknown>): string => {
  const all = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as const]
  )
  return all.length > 0 ? `?${new URLSearchParams(Object.fromEntries(all))}` : ''
}

const bodyOf = (operation: string, status: number, type: string | undefined, text: string): unknown => {
  if (text === '') return undefined
  if (!type?.startsWith('application/json')) throw new UnexpectedAnswer(operation, status)
  try {
    return JSON.parse(text)
  } catch {
    throw new UnexpectedAnswer(operation, status)
  }
}
