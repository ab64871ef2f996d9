import type { AnswerOf } from '@onbehalf/client'
import type { Io } from '../io.ts'
import { Problem } from '../problem.ts'
import { cleanJson, cleanLine } from '../terminal/clean.ts'
import { type Command, type Given, needed, printResult, signedIn, textOption } from './command.ts'

type Tool = Extract<AnswerOf<'GET /v1/tools'>, { status: 200 }>['body']['data'][number]

const pagesMax = 1000

/** Every tool that may be called, page by page. */
const allTools = async (
  io: Io,
  given: Given,
  filter: { server_identifier?: string; search?: string }
): Promise<Tool[]> => {
  const { api, refusal } = await signedIn(io, given)
  const tools: Tool[] = []
  let cursor: string | null = null
  for (let page = 0; page < pagesMax; page += 1) {
    const query: { limit: number; cursor?: string } = { limit: 100, ...filter, ...(cursor ? { cursor } : {}) }
    const answer: AnswerOf<'GET /v1/tools'> = await api.ask('GET /v1/tools', { query })
    if (answer.status !== 200) throw refusal(answer)
    tools.push(...answer.body.data)
    cursor = answer.body.next_cursor
    if (!cursor) break
  }
  return tools
}

export const listTools: Command = {
  name: 'tools list',
  takes: '[SERVER]',
  summary: 'The tools you may call',
  examples: ['onbehalf tools list', 'onbehalf tools list github --search issue'],
  options: { search: { type: 'string', help: 'Words that the name, title or description holds.' } },
  run: async (io, given) => {
    const [server_identifier] = given.positionals
    const search = textOption(given, 'search')
    const tools = await allTools(io, given, {
      ...(server_identifier ? { server_identifier } : {}),
      ...(search ? { search } : {})
    })
    printResult(
      io,
      given,
      { data: tools },
      tools.map((tool) =>
        [tool.server_identifier, tool.name, cleanLine(tool.description, 100)].map((one) => cleanLine(one)).join('\t')
      )
    )
  }
}

export const describeTool: Command = {
  name: 'tools describe',
  takes: 'SERVER TOOL',
  summary: 'What a tool does and which arguments it takes',
  examples: ['onbehalf tools describe everything echo'],
  run: async (io, given) => {
    const [server_identifier, name] = [
      needed(given, 0, 'the server: onbehalf tools list'),
      needed(given, 1, 'the tool')
    ]
    const tool = (await allTools(io, given, { server_identifier })).find((one) => one.name === name)
    if (!tool) throw new Problem('refused', `There is no tool ${name} of ${server_identifier} that you may call.`)
    printResult(io, given, tool, [
      `${tool.server_identifier} ${tool.name}`,
      ...(tool.description ? ['', tool.description] : []),
      '',
      `Arguments: ${cleanJson(tool.input_schema)}`
    ])
  }
}
