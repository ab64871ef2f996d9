import { setImmediate as pause } from 'node:timers/promises'
import type { ToolDecoration } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { defaultLimits, faultOfParameterHeaders, isJson, type McpTool } from '@onbehalf/mcp'
import { hashOf } from '@onbehalf/service-kit'
import { decorationOf } from './decoration.ts'
import { excessOf } from './excess.ts'
import { firstLeftOut } from './left-out.ts'
import type { Catalogue, LeftOut, Tool, ToolDefinition } from './tool.ts'

const { toolsMax } = defaultLimits
// Of the largest tools some 20 ms, in which nobody else is answered.
const toolsAtOnce = 8
// A message on the bus holds 1 MB, and a page of tools half of it.
const definitionKilobytesMax = 256

/**
 * A server's list as it is kept, without the tools that cannot be offered. Throws `upstream_error` where two tools share
 * a name, one cannot be named, or they are too many.
 */
export const catalogueOf = async (listed: readonly McpTool[]): Promise<Catalogue> => {
  if (listed.length > toolsMax) throw unusable(`it has more than ${toolsMax} tools`)
  const names = new Set<string>()
  const tools: Tool[] = []
  const left_out: LeftOut[] = []
  for (const [index, tool] of listed.entries()) {
    if (index % toolsAtOnce === 0) await pause()
    const { kept, faults } = decorationOf(tool)
    const definition = definitionOf(tool, kept)
    const { name } = definition
    if (names.has(name)) throw unusable(`two of its tools are called "${name}"`)
    names.add(name)
    const reason = faultOf(definition)
    if (reason) left_out.push({ name, reason })
    else {
      tools.push({ ...definition, hash: hashOf(canonicalJson(whatCounts(definition))) })
      left_out.push(...faults.map((fault) => ({ name, ...fault })))
    }
  }
  return { tools, left_out: firstLeftOut(left_out), listed: listed.length }
}

const faultOf = (definition: ToolDefinition): string | undefined => {
  const excess = excessOf(whatCounts(definition), definitionKilobytesMax)
  return excess ? `its definition ${excess}` : faultOfParameterHeaders(definition.input_schema)
}

/**
 * What makes it another tool: what a model reads and a client acts on, which `_meta` may be. A picture is neither, nor is
 * how a task of it would be run, since none is offered.
 */
const whatCounts = ({ icons, execution, ...counting }: ToolDefinition) => counting

const definitionOf = (tool: McpTool, decoration: ToolDecoration): ToolDefinition => {
  const { name, title, description, inputSchema, outputSchema, annotations } = tool
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for; Postgres keeps no NUL
  if (!/^[^\u0000-\u001f\u007f]{1,256}$/.test(name)) throw unusable('a tool has no name that can be used')
  return {
    name,
    ...(typeof title === 'string' ? { title } : {}),
    description: typeof description === 'string' ? description : '',
    input_schema: inputSchema ?? { type: 'object' },
    ...(outputSchema === undefined ? {} : { output_schema: outputSchema }),
    ...(annotations === undefined ? {} : { annotations }),
    ...decoration
  }
}

/** RFC 8785: keys in UTF-16 order, no white space, numbers and strings as ECMAScript writes them. */
const canonicalJson = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (!isJson(value)) return JSON.stringify(value)
  const keys = Object.keys(value).sort()
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`).join(',')}}`
}

const unusable = (what: string) =>
  new ReportedError('upstream_error', `The MCP server's list of tools cannot be used: ${what}.`)
