import { readFileSync } from 'node:fs'
import type { AnswerOf, GivenTo } from '@onbehalf/client'
import type { Io } from '../io.ts'
import { Problem } from '../problem.ts'
import { cleanLine } from '../terminal/clean.ts'
import { type Command, needed, printResult, signedIn, textOption } from './command.ts'

type Page = Extract<AnswerOf<'GET /v1/mcp-providers'>, { status: 200 }>['body']

export const listProviders: Command = {
  name: 'providers list',
  takes: '',
  summary: 'The MCP servers of your tenant',
  examples: ['onbehalf providers list'],
  run: async (io, given) => {
    const { api, refusal } = await signedIn(io, given)
    const all: Page['data'][number][] = []
    let cursor: string | null = null
    do {
      const query: { limit: number; cursor?: string } = { limit: 200, ...(cursor ? { cursor } : {}) }
      const answer: AnswerOf<'GET /v1/mcp-providers'> = await api.ask('GET /v1/mcp-providers', { query })
      if (answer.status !== 200) throw refusal(answer)
      all.push(...answer.body.data)
      cursor = answer.body.data.length > 0 ? answer.body.next_cursor : null
    } while (cursor)
    const lineOf = ({ server_identifier, name, server_url, identity_mode }: Page['data'][number]) =>
      [server_identifier, name, server_url, identity_mode].map((one) => cleanLine(one)).join('\t')
    printResult(io, given, { data: all }, all.map(lineOf))
  }
}

export const addProvider: Command = {
  name: 'providers add',
  takes: 'IDENTIFIER URL',
  summary: 'Register an MCP server (owners and admins)',
  examples: [
    'onbehalf providers add github https://api.example.com/mcp',
    'onbehalf providers add wiki https://wiki.example.com/mcp --name "The wiki" --identity idp_token'
  ],
  options: {
    name: { type: 'string', help: 'What people read; the identifier when left out.' },
    identity: {
      type: 'string',
      help: 'Forward who is asking, in this mode: idp_token, token_exchange, signed, id_jag.'
    }
  },
  run: async (io, given) => {
    const { api, refusal } = await signedIn(io, given)
    const server_identifier = needed(given, 0, 'the identifier')
    const server_url = needed(given, 1, 'the URL of the server')
    const mode = modeOf(textOption(given, 'identity'))
    const forwarding = mode ? { forward_user_identity: true, identity_mode: mode } : {}
    const name = textOption(given, 'name') ?? server_identifier
    const answer = await api.ask('POST /v1/mcp-providers', {
      body: { name, server_identifier, server_url, ...forwarding }
    })
    if (answer.status !== 201) throw refusal(answer)
    tellOfListing(io, answer.body)
    printResult(io, given, answer.body, [
      `Registered ${cleanLine(answer.body.server_identifier)} with ${answer.body.tools.length} tools`
    ])
  }
}

const wordsMax = 5_000

/** Why there are no tools yet, with the link where one has to sign in for them. */
const tellOfListing = (io: Io, { server_identifier, tools_error }: Listed): void => {
  if (tools_error) io.tell(cleanLine(`${server_identifier}: ${tools_error}`, wordsMax))
}
type Listed = { server_identifier: string; tools_error: string | null }

const modes = ['idp_token', 'token_exchange', 'signed', 'id_jag'] as const

const modeOf = (given: string | undefined) => {
  const mode = modes.find((one) => one === given)
  if (given === undefined || mode) return mode
  throw new Problem('usage', `--identity is one of ${modes.join(', ')}.`)
}

export const importProviders: Command = {
  name: 'providers import',
  takes: 'FILE',
  summary: 'Register the servers of an {"mcpServers": {…}} file (owners and admins)',
  examples: ['onbehalf providers import .mcp.json', 'onbehalf providers import - < .mcp.json'],
  run: async (io, given) => {
    const { api, refusal } = await signedIn(io, given)
    const file = needed(given, 0, 'the file')
    const body = readFile(file === '-' ? await io.readInput() : readFileSync(file, 'utf8'), file)
    const answer = await api.ask('POST /v1/mcp-providers/import', { body })
    if (answer.status !== 201) throw refusal(answer)
    const { data } = answer.body
    for (const one of data) tellOfListing(io, one)
    printResult(
      io,
      given,
      answer.body,
      data.map((one) => [one.server_identifier, one.name, one.tools_status].map((part) => cleanLine(part)).join('\t'))
    )
  }
}

// The server says what is wrong with it, entry by entry.
const readFile = (text: string, what: string): GivenTo<'POST /v1/mcp-providers/import'>['body'] => {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Problem('usage', `${what} is not JSON.`, { cause })
  }
}
