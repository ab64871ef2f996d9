import { isJson, type Json, streamableVersions } from '@onbehalf/mcp'
import { beginSession } from '../sessions/begin.ts'
import type { Method } from './asked.ts'
import { supportedVersions } from './envelope.ts'

const serverInfo = { name: 'onbehalf', title: 'Onbehalf', version: '0.1.0' }
const instructions =
  'Every call is made as the signed-in user. Where a sign-in is missing, the answer holds the link to it: give it to the user.'
const foreverMs = 86_400_000

// What a server behind us lacks is an empty list, so that nobody has to be asked here.
const capabilitiesOf = (canTell = true): Json => {
  const listChanged = canTell ? { listChanged: true } : {}
  const resources = { ...listChanged, ...(canTell && { subscribe: true }) }
  return { tools: listChanged, resources, prompts: listChanged, completions: {} }
}

export const discover: Method = async () =>
  JSON.stringify({
    resultType: 'complete',
    supportedVersions,
    capabilities: capabilitiesOf(),
    instructions,
    ttlMs: foreverMs,
    cacheScope: 'public',
    _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo }
  })

/**
 * Begins a session. A client that does not keep its id has none: each of its requests stands for itself; so it is for
 * one more than there may be, and for all while Redis is away.
 */
export const initialize: Method = async (tools, asked) => {
  const { request, server_identifier, user_id, context } = asked
  await asked.spend(server_identifier ?? '')
  const { protocolVersion: wanted, capabilities } = request.params
  const use = { caller: context.caller, server_identifier, user_id }
  const id = await beginSession(tools, use, isJson(capabilities) ? capabilities : {}).catch(() => undefined)
  if (id !== undefined) asked.keepSession(id)
  const protocolVersion = streamableVersions.includes(String(wanted)) ? wanted : streamableVersions[0]
  const offered = { ...capabilitiesOf(id !== undefined), ...(id !== undefined && { logging: {} }) }
  return JSON.stringify({ protocolVersion, capabilities: offered, serverInfo, instructions })
}

export const ping: Method = async () => '{}'
