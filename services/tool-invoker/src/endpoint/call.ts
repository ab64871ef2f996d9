import { type CatalogueTool, ServerIdentifier } from '@onbehalf/contracts'
import { throwIfEnded } from '@onbehalf/egress'
import { ReportedError, toReported } from '@onbehalf/errors'
import { disagreeingParameter, isJson } from '@onbehalf/mcp'
import { matches } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import { ToolName } from '../calls/schemas.ts'
import type { Asked, EndpointTools } from './asked.ts'
import { differs } from './envelope.ts'
import { forward } from './forward.ts'
import { joinResult } from './join-content.ts'
import type { ListTools } from './list.ts'
import { joinName, splitName } from './names.ts'
import { refusedCall } from './refusal.ts'
import { RpcFault, rpcCodes } from './rpc.ts'
import { refuseUnknown } from './unknown.ts'

/** Calls a tool, and answers with its result as its server said it. */
export const callNamed = async (tools: EndpointTools, asked: Asked): Promise<string> => {
  const { name, arguments: given = {} } = asked.request.params
  if (typeof name !== 'string' || name === '') throw bad('name', 'is the name of a tool')
  if (!isJson(given)) throw bad('arguments', 'is an object')
  const split = whereIs(asked, name)
  if (!matches(Place, split)) return refuseUnknown(tools, asked, split ?? { tool: name }, unknownTool(name))
  const { server_identifier } = split
  await asked.spend(server_identifier)
  const tool = (split.isHashed && (await findByHash(tools, asked, server_identifier, name))) || split.tool
  try {
    const { text } = await forward(tools, asked, server_identifier, (beside) => ({
      ...{ tool, arguments: given, beside },
      ...(asked.envelope.era === 'modern' && { requireAgreement: requireParameters(asked, given) })
    }))
    return asked.server_identifier === undefined ? joinResult(server_identifier, text) : text
  } catch (thrown) {
    if (asked.context.passing?.hasBegun()) throw thrown
    if (namesNoTool(thrown, asked)) throw unknownTool(name)
    return JSON.stringify(refusedCall(thrown, asked.envelope))
  }
}

/** Throws `RpcFault` -32020 where a header does not repeat the argument that it should (2026-07-28). */
const requireParameters =
  ({ headers }: Asked, given: object) =>
  ({ input_schema }: CatalogueTool): void => {
    const found = disagreeingParameter(input_schema, given, headers)
    if (!found) return
    const cause = differs(headerName(found.header), `params.arguments${found.path}`)
    throw new ReportedError('invalid_arguments', cause.message, { cause })
  }

const headerName = (header: string): string => header.replace('mcp-param-', 'Mcp-Param-')

/** At the endpoint of all the name says which provider is meant, so that a provider that is none is a name that is none. */
const namesNoTool = (thrown: unknown, { server_identifier }: Asked): boolean => {
  const { code, extras } = toReported(thrown)
  if (code !== 'not_found' || !(thrown instanceof ReportedError)) return false
  return server_identifier === undefined || extras.details?.some(({ path }) => path === 'tool') === true
}

const Place = Type.Object({ server_identifier: ServerIdentifier, tool: ToolName, isHashed: Type.Boolean() })

/** Where a name leads, if to anything; whether there can be such a thing is still to be seen. */
const whereIs = ({ server_identifier }: Asked, name: string) =>
  server_identifier === undefined ? splitName(name) : { server_identifier, tool: name, isHashed: false }

const findByHash = async (
  { list }: { list: ListTools },
  { context, spend }: Asked,
  server_identifier: string,
  name: string
): Promise<string | undefined> => {
  let cursor: string | null = null
  do {
    const page = await list({ limit: 100, server_identifier, ...(cursor !== null && { cursor }) }, context)
    const found = page.data.find((tool) => joinName(server_identifier, tool.name) === name)
    if (found) return found.name
    cursor = page.next_cursor
    throwIfEnded(context.signal)
    if (cursor !== null) await spend(server_identifier)
  } while (cursor !== null)
  return undefined
}

const bad = (member: string, what: string) => new RpcFault(rpcCodes.invalidParams, `params.${member} ${what}.`)
const unknownTool = (name: string) => new RpcFault(rpcCodes.invalidParams, `Unknown tool: ${name.slice(0, 128)}`)
