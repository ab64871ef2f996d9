import { modernVersion } from '@onbehalf/mcp'
import type { Asked, EndpointTools, Method } from '../endpoint/asked.ts'
import type { Forwarded } from '../endpoint/forward.ts'
import { ask } from '../endpoint/pass.ts'
import { RpcFault, rpcCodes } from '../endpoint/rpc.ts'
import { isUri, uriBytesMax, urisMax } from '../listening/filter.ts'
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
  if (!(await tools.sessions.subscribe(id, uri)))
    throw bad('uri', `is more than the ${urisMax} that a session hears of`)
  const answer = await ask(tools, asked).catch(async (thrown: unknown) => {
    if (!uris.includes(uri)) await tools.sessions.unsubscribe(id, uri)
    throw thrown
  })
  hearAnew(tools, asked, answer)
  return answer.text
}

export const unsubscribe: Method = async (tools, asked) => {
  const uri = uriOf(asked)
  const answer = await ask(tools, asked)
  await tools.sessions.unsubscribe(sessionOf(asked).id, uri)
  hearAnew(tools, asked, answer)
  return answer.text
}

// A server of 2026-07-28 is told where it is listened to; so is one that is heard in another replica.
const hearAnew = (
  { exchanges, relay }: Pick<EndpointTools, 'exchanges' | 'relay'>,
  asked: Asked,
  { protocolVersion }: Forwarded
): void => {
  const { key } = sessionOf(asked)
  if (protocolVersion === modernVersion || !exchanges.stream(key)) relay.tell(key, { kind: 'restart' })
}

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
