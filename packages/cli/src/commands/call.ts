import type { Io } from '../io.ts'
import { Problem } from '../problem.ts'
import { send, textOf, wholeOf } from '../server/transport.ts'
import { cleanJson, cleanLine, cleanText } from '../terminal/clean.ts'
import { type Command, type Given, needed, printResult, type SignedIn, signedIn, textOption } from './command.ts'
import { eventsOf } from './events.ts'

const callMs = 10 * 60_000

export const call: Command = {
  name: 'call',
  takes: 'SERVER TOOL',
  summary: 'Call a tool as yourself; its result goes to standard output, its progress to standard error',
  examples: [
    'onbehalf call everything echo --arg message=hello',
    'onbehalf call everything get-sum --arg a:=1 --arg b:=2',
    'echo \'{"message": "hello"}\' | onbehalf call everything echo --json -'
  ],
  options: {
    arg: { type: 'string', multiple: true, help: 'An argument: name=text, or name:=JSON. As often as needed.' },
    json: { type: 'string', help: 'All arguments as a JSON object; - reads it from standard input.' }
  },
  run: async (io, given) => {
    const [server_identifier, tool] = [
      needed(given, 0, 'the server: onbehalf tools list'),
      needed(given, 1, 'the tool')
    ]
    const body = { server_identifier, tool, arguments: await argumentsOf(io, given) }
    const answer = await ask(io, await signedIn(io, given), body)
    const result = recordOf(answer.result)
    printResult(io, given, answer, textsOf(result))
    if (result.isError === true) throw new Problem('toolFailed', 'The tool says that it failed.')
  }
}

const argumentsOf = async (io: Io, given: Given): Promise<Record<string, unknown>> => {
  const json = textOption(given, 'json')
  const whole = json === undefined ? {} : parse(json === '-' ? await io.readInput() : json, '--json')
  if (typeof whole !== 'object' || whole === null || Array.isArray(whole))
    throw new Problem('usage', '--json takes an object.')
  return { ...whole, ...Object.fromEntries([given.options.arg ?? []].flat().map((one) => argumentOf(String(one)))) }
}

const argumentOf = (text: string): [string, unknown] => {
  const [, name, isJson, value = ''] = /^([^=:]+)(:?)=([\s\S]*)$/.exec(text) ?? []
  if (name === undefined) throw new Problem('usage', `--arg ${cleanLine(text)} is not name=text or name:=JSON.`)
  return [name, isJson ? parse(value, `--arg ${name}`) : value]
}

const parse = (text: string, what: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Problem('usage', `${what} is not JSON.`, { cause })
  }
}

const ask = async (io: Io, { server, token, refusal }: SignedIn, json: object): Promise<Record<string, unknown>> => {
  const reach = { server, token, signal: io.signal, timeoutMs: callMs }
  const response = await send(
    reach,
    { method: 'POST', path: '/v1/tools/call', json },
    'text/event-stream, application/json'
  )
  const pieces = textOf(response)
  if (response.ok && response.headers.get('content-type')?.startsWith('text/event-stream'))
    return follow(io, pieces, refusal)
  const body = readBody(await wholeOf(pieces))
  if (response.status !== 200) throw refusal({ status: response.status, body })
  return body
}

const follow = async (
  io: Io,
  pieces: AsyncIterable<string>,
  refusal: SignedIn['refusal']
): Promise<Record<string, unknown>> => {
  for await (const { name, data } of eventsOf(pieces)) {
    const told = readBody(data)
    if (name === 'result') return told
    if (name === 'error') throw refusal({ status: Number(told.status), body: told })
    if (name === 'progress') io.tell(progressLine(told))
    if (name === 'log') io.tell(cleanLine(typeof told.data === 'string' ? told.data : JSON.stringify(told.data)))
  }
  throw new Problem('unreachable', 'The answer broke off. Whether the tool did its work is not known.')
}

const progressLine = ({ progress, total, message }: Record<string, unknown>): string =>
  cleanLine([`${progress}${total === undefined ? '' : ` of ${total}`}`, message].filter(Boolean).join(' '))

const recordOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? { ...value } : {}

const readBody = (text: string): Record<string, unknown> => {
  try {
    return recordOf(JSON.parse(text))
  } catch (cause) {
    throw new Problem('unreachable', 'The server answered something that is not JSON.', { cause })
  }
}

/** What people read of a CallToolResult: its texts, and everything else as JSON. */
const textsOf = ({ content }: Record<string, unknown>): string[] =>
  (Array.isArray(content) ? content : []).map((one: unknown) => {
    const { type, text } = recordOf(one)
    return type === 'text' && typeof text === 'string' ? cleanText(text) : cleanJson(one)
  })
