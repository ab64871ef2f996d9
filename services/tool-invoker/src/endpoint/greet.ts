import { type Json, legacyVersions } from '@onbehalf/mcp'
import type { Asked, Method } from './asked.ts'
import { supportedVersions } from './envelope.ts'

const serverInfo = { name: 'onbehalf', title: 'Onbehalf', version: '0.1.0' }
const instructions =
  'Every call is made as the signed-in user. Where a sign-in is missing, the answer holds the link to it: give it to the user.'
const foreverMs = 86_400_000

// What a server behind us lacks is an empty list, so that nobody has to be asked here.
const capabilitiesOf = ({ server_identifier }: Asked): Json =>
  server_identifier === undefined ? { tools: {} } : { tools: {}, resources: {}, prompts: {}, completions: {} }

export const discover: Method = async (_, asked) =>
  JSON.stringify({
    resultType: 'complete',
    supportedVersions,
    capabilities: capabilitiesOf(asked),
    instructions,
    ttlMs: foreverMs,
    cacheScope: 'public',
    _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo }
  })

/** Without a session: each request stands for itself, and any replica answers the next one. */
export const initialize: Method = async (_, asked) => {
  const wanted = String(asked.request.params.protocolVersion)
  const protocolVersion = legacyVersions.includes(wanted) ? wanted : legacyVersions[0]
  return JSON.stringify({ protocolVersion, capabilities: capabilitiesOf(asked), serverInfo, instructions })
}

export const ping: Method = async () => '{}'
