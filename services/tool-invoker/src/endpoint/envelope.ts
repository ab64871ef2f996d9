import type { IncomingHttpHeaders } from 'node:http'
import { decodeHeaderValue, isJson, type Json, metaKeys, modernVersion, streamableVersions } from '@onbehalf/mcp'
import { isToken, RpcFault, type RpcRequest, type RpcToken, rpcCodes, tokenWords } from './rpc.ts'

/** How a request wants to be understood, and what its client can do. */
export type Envelope = {
  era: 'modern' | 'legacy'
  /** Empty before 2026-07-28, where they are told at `initialize` and we keep no sessions. */
  capabilities: Json
  /** The client's own token for progress; undefined where it wants none. */
  progressToken: RpcToken | undefined
  wantsLog: boolean
  /** Everything else that the client says beside its request, such as a trace. */
  meta: Json
}

export const supportedVersions: readonly string[] = [modernVersion, ...streamableVersions]

/**
 * Reads which revision a request speaks: its body says so, and headers only agree (2026-07-28, versioning). Throws
 * `RpcFault` where they differ, where it is a revision we do not speak, and for a progress token that is none.
 */
export const readEnvelope = (request: RpcRequest, headers: IncomingHttpHeaders): Envelope => {
  const meta = isJson(request.params._meta) ? request.params._meta : {}
  const claimed = meta[metaKeys.protocolVersion]
  const header = headers['mcp-protocol-version']
  if (claimed === undefined && header === modernVersion) throw missing(metaKeys.protocolVersion)
  const isLegacy = claimed === undefined || streamableVersions.includes(String(claimed))
  if (isLegacy) requireSpoken(header)
  else requireModern(request, { meta, claimed, header, headers })
  const { progressToken: named, ...rest } = meta
  // Some write what they leave out.
  const progressToken = named ?? undefined
  if (progressToken !== undefined && !isToken(progressToken)) throw badToken()
  const own: readonly string[] = Object.values(metaKeys)
  const capabilities = meta[metaKeys.clientCapabilities]
  return {
    era: isLegacy ? 'legacy' : 'modern',
    capabilities: !isLegacy && isJson(capabilities) ? capabilities : {},
    progressToken,
    wantsLog: isLegacy || meta[metaKeys.logLevel] !== undefined,
    meta: Object.fromEntries(Object.entries(rest).filter(([key]) => !own.includes(key)))
  }
}

/** Whether the headers say that it is 2026-07-28, which has no sessions. */
export const isModern = (headers: IncomingHttpHeaders): boolean => headers['mcp-protocol-version'] === modernVersion

type Claim = { meta: Json; claimed: unknown; header: unknown; headers: IncomingHttpHeaders }

const requireModern = (request: RpcRequest, { meta, claimed, header, headers }: Claim): void => {
  if (header !== claimed) throw differs('MCP-Protocol-Version', `_meta["${metaKeys.protocolVersion}"]`)
  if (claimed !== modernVersion) throw unsupported(claimed)
  if (!isJson(meta[metaKeys.clientCapabilities])) throw missing(metaKeys.clientCapabilities)
  if (headers['mcp-method'] !== request.method) throw differs('Mcp-Method', 'method')
  const named = namedBy.get(request.method)
  if (named !== undefined && decodeHeaderValue(headers['mcp-name']) !== request.params[named])
    throw differs('Mcp-Name', `params.${named}`)
}

// Without the header it is 2025-03-26, which had none.
const requireSpoken = (header: unknown): void => {
  if (header !== undefined && !streamableVersions.includes(String(header))) throw unsupported(header)
}

/** What the Mcp-Name header repeats, by method. */
const namedBy: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri']
])

/** A header that is not what it repeats (2026-07-28, standard request headers). */
export const differs = (header: string, member: string) =>
  new RpcFault(rpcCodes.headerMismatch, `The header ${header} is not the same as ${member} of the body.`, {
    status: 400,
    data: { mismatch: { header, body: member } }
  })

const unsupported = (requested: unknown) =>
  new RpcFault(rpcCodes.unsupportedVersion, 'This revision of MCP is not spoken here.', {
    status: 400,
    data: { supported: supportedVersions, requested }
  })

const missing = (key: string) =>
  new RpcFault(rpcCodes.invalidParams, `params._meta["${key}"] is missing or is not what it should be.`, {
    status: 400
  })

const badToken = () =>
  new RpcFault(rpcCodes.invalidParams, `params._meta.progressToken is ${tokenWords} or a number.`, { status: 400 })
