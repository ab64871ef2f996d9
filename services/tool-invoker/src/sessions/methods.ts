import { ServerIdentifier } from '@onbehalf/contracts'
import { toReported } from '@onbehalf/errors'
import { modernVersion } from '@onbehalf/mcp'
import { matches } from '@onbehalf/rpc'
import { ask } from '../endpoint/ask-server.ts'
import type { Asked, EndpointTools, Method } from '../endpoint/asked.ts'
import type { Forwarded } from '../endpoint/forward.ts'
import { atProvider } from '../endpoint/join-lists.ts'
import { splitUri } from '../endpoint/names.ts'
import { RpcFault, rpcCodes } from '../endpoint/rpc.ts'
import { refuseUnknown } from '../endpoint/unknown.ts'
import { isUri, uriBytesMax, urisMax } from '../listening/filter.ts'
import { joinedFilter, serversMax } from '../listening/join-filter.ts'
import type { Session } from './find.ts'
import { isLevel } from './log-level.ts'

/** Which log messages the client wants from now on (2025-11-25, logging). */
export const setLevel: Method = async ({ sessions }, asked) => {
  const { level } = asked.request.params
  if (!isLevel(level)) throw bad('level', 'is one of debug, info, notice, warning, error, critical, alert, emergency')
  await sessions.setLevel(sessionOf(asked).id, level)
  return '{}'
}

/** Asks the server to tell of a resource, and what hears it (2025-11-25, resources). */
export const subscribe: Method = async (tools, asked) => {
  const { id, uris } = sessionOf(asked)
  const uri = uriOf(asked)
  const server = atServer(asked, uri)
  if (!server) return refuseUnknown(tools, asked, {}, unknown())
  if (asked.server_identifier === undefined && !isHeardWith(uris, uri))
    throw bad('uri', `is of one more than the ${serversMax} servers that are heard here: connect to its own endpoint`)
  if (!(await tools.sessions.subscribe(id, uri)))
    throw bad('uri', `is more than the ${urisMax} that a session hears of`)
  const answer = await askAt(tools, asked, server).catch(async (thrown: unknown) => {
    if (!uris.includes(uri)) await tools.sessions.unsubscribe(id, uri)
    throw thrown
  })
  hearAnew(tools, asked, answer)
  return answer.text
}

const isHeardWith = (uris: readonly string[], uri: string): boolean =>
  joinedFilter({ resourceSubscriptions: [...uris, uri] }).resourceSubscriptions?.includes(uri) === true

export const unsubscribe: Method = async (tools, asked) => {
  const uri = uriOf(asked)
  const server = atServer(asked, uri)
  if (!server) return refuseUnknown(tools, asked, {}, unknown())
  const answer = await askAt(tools, asked, server)
  await tools.sessions.unsubscribe(sessionOf(asked).id, uri)
  hearAnew(tools, asked, answer)
  return answer.text
}

// A server of 2026-07-28 is told where it is listened to; so is one that is heard in another replica, or not yet.
const hearAnew = (
  { exchanges, relay }: Pick<EndpointTools, 'exchanges' | 'relay'>,
  asked: Asked,
  { protocolVersion }: Forwarded
): void => {
  const { key } = sessionOf(asked)
  const isHeard = asked.server_identifier !== undefined && exchanges.stream(key) !== undefined
  if (protocolVersion === modernVersion || !isHeard) relay.tell(key, { kind: 'restart' })
}

/** The request as the server of the resource gets it; undefined where a joined URI leads to none. */
const atServer = (asked: Asked, uri: string): Asked | undefined => {
  if (asked.server_identifier !== undefined) return asked
  const split = splitUri(uri)
  if (!split || !matches(ServerIdentifier, split.server_identifier)) return undefined
  return atProvider(asked, split.server_identifier, { ...asked.request.params, uri: split.uri })
}

/** A provider that is none is a resource that is none. */
const askAt = (tools: EndpointTools, { server_identifier }: Asked, server: Asked): Promise<Forwarded> =>
  ask(tools, server).catch((thrown: unknown) => {
    throw server_identifier === undefined && toReported(thrown).code === 'not_found' ? unknown() : thrown
  })

const unknown = () => new RpcFault(rpcCodes.invalidParams, 'params.uri is not one that resources/list gave here.')

const uriOf = ({ request }: Asked): string => {
  const { uri } = request.params
  if (isUri(uri)) return uri
  throw bad('uri', `is the URI of a resource, of at most ${uriBytesMax} bytes`)
}

/** Throws `RpcFault` where the request is of no session, without which nothing can be told later. */
const sessionOf = ({ session }: Asked): Session => {
  if (session) return session
  throw new RpcFault(rpcCodes.invalidRequest, 'This needs a session: send its Mcp-Session-Id, which initialize gives.')
}

const bad = (member: string, what: string) => new RpcFault(rpcCodes.invalidParams, `params.${member} ${what}.`)
