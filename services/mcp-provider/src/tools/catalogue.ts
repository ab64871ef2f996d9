import type { ToolDecoration } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { faultOfParameterHeaders, type McpTool } from '@onbehalf/mcp'
import { hashOf } from '@onbehalf/service-kit'
import { decorationOf } from './decoration.ts'
import type { Catalogue, LeftOut, Tool, ToolDefinition } from './tool.ts'

const depthMax = 100
// A message on the bus holds 1 MB, and a page of tools half of it.
const definitionBytesMax = 256 * 1024

/**
 * A server's list as it is kept, without the tools that cannot be offered. Throws `upstream_error` where two tools share
 * a name, or one cannot be named.
 */
export const catalogueOf = (listed: readonly McpTool[]): Catalogue => {
  const names = new Set<string>()
  const tools: Tool[] = []
  const left_out: LeftOut[] = []
  for (const tool of listed) {
    const { kept, faults } = decorationOf(tool)
    const definition = definitionOf(tool, kept)
    const { name } = definition
    if (names.has(name)) throw unusable(`two of its tools are called "${name}"`)
    names.add(name)
    const canonical = canonicalJson(whatCounts(definition), 0)
    const reason = faultOf(definition, canonical)
    if (reason) left_out.push({ name, reason })
    else {
      tools.push({ ...definition, hash: hashOf(canonical) })
      left_out.push(...faults.map((fault) => ({ name, ...fault })))
    }
  }
  return { tools, left_out }
}

const faultOf = ({ input_schema }: ToolDefinition, canonical: string): string | undefined => {
  if (Buffer.byteLength(canonical) > definitionBytesMax) return 'its definition is larger than 256 KB'
  return faultOfParameterHeaders(input_schema)
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
const canonicalJson = (value: unknown, depth: number): string => {
  if (depth > depthMax) throw unusable('a schema in it is nested too deeply')
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1))
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item, depth + 1)}`).join(',')}}`
}

const unusable = (what: string) =>
  new ReportedError('upstream_error', `The MCP server's list of tools cannot be used: ${what}.`)
