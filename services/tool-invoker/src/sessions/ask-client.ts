import type { CallSignal } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { isJson, type Json, type RpcOutcome, type ServerRequest } from '@onbehalf/mcp'
import { RpcFault, rpcCodes } from '../endpoint/rpc.ts'
import type { Exchanges, Say } from './exchanges.ts'
import type { Session } from './find.ts'

/** What a client has to have said it can do, by what a server asks of it. */
const capabilityFor: ReadonlyMap<string, string> = new Map([
  ['sampling/createMessage', 'sampling'],
  ['elicitation/create', 'elicitation'],
  ['roots/list', 'roots']
])

/** Asks the client of a session what a server wants of it; what it cannot do is answered in its place. */
export const askClient = async (
  exchanges: Pick<Exchanges, 'ask'>,
  { key, capabilities }: Session,
  { say, request, signal }: { say: Say; request: ServerRequest; signal: CallSignal }
): Promise<RpcOutcome> => {
  const capability = capabilityFor.get(request.method)
  if (capability === undefined || !isJson(capabilities[capability]))
    return { error: { code: rpcCodes.methodNotFound, message: 'The client cannot do this.' } }
  return exchanges.ask(key, say, request, signal)
}

/**
 * The answers to all that a server of 2026-07-28 asks with one result, each by its name. Throws where one is no answer:
 * the server would only ask again.
 */
export const answersTo = async (
  inputRequests: unknown,
  ask: (request: ServerRequest, signal: CallSignal) => Promise<RpcOutcome>
) => {
  if (!isJson(inputRequests)) return {}
  const entries = Object.entries(inputRequests)
  if (entries.length > questionsMax) throw unreadable()
  const over = new AbortController()
  const answers = entries.map(async ([name, wanted]): Promise<[string, Json]> => {
    if (!isJson(wanted) || typeof wanted.method !== 'string') throw unreadable()
    const params = isJson(wanted.params) ? wanted.params : {}
    const outcome = await ask({ method: wanted.method, params }, over.signal)
    if ('result' in outcome) return [name, outcome.result]
    const { code, message } = outcome.error
    throw new RpcFault(code, `The server asks for ${wanted.method}, and the client answers: ${message}`)
  })
  try {
    return Object.fromEntries(await Promise.all(answers))
  } finally {
    // Where one is no answer, nobody waits for the others.
    over.abort(noMore())
  }
}

/** As many as an older server may ask on one stream. */
const questionsMax = 20

const noMore = () => new ReportedError('cancelled', 'Nobody waits for the answer any more.')

const unreadable = () =>
  new ReportedError('upstream_error', "The MCP server's answer cannot be used: it asks for something unreadable.")
