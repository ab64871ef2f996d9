import { type Vault, VaultError, type VaultErrorReason } from '@onbehalf/vault'
import { type ActingTools, actingOf } from '../calls/acting.ts'
import { digestOf } from '../calls/digest.ts'
import type { Providers } from '../providers/cache.ts'
import { type Asked, actsFor } from './asked.ts'
import { RpcFault, rpcCodes } from './rpc.ts'

export type StateTools = ActingTools & {
  vault: Pick<Vault, 'seal' | 'open'>
  providers: Pick<Providers, 'find'>
  now: () => Date
}

const lifeMs = 3_600_000
const lengthMax = 256 * 1024

/** What a server wants back with the request made again; sealed, only this caller can give it, for this request, to it. */
export const sealState = async (tools: StateTools, asked: Asked, at: string, state: unknown): Promise<string> => {
  const until = tools.now().getTime() + lifeMs
  const sealed = await tools.vault.seal(JSON.stringify([until, state]), await placeOf(tools, asked, at))
  return sealed.toString('base64url')
}

/** The server's own words of a state that was sealed. Throws `RpcFault` -32602 for any other, and for one that is too old. */
export const openState = async (tools: StateTools, asked: Asked, at: string, sealed: unknown): Promise<unknown> => {
  if (typeof sealed !== 'string' || sealed.length > lengthMax) throw notGiven()
  const place = await placeOf(tools, asked, at)
  const opened = await tools.vault.open(Buffer.from(sealed, 'base64url'), place).catch((cause: unknown) => {
    throw cause instanceof VaultError && forged.has(cause.reason) ? notGiven() : cause
  })
  const [until, state] = JSON.parse(opened)
  if (until < tools.now().getTime()) throw tooOld()
  return state
}

const forged: ReadonlySet<VaultErrorReason> = new Set(['altered_or_misplaced', 'data_key_missing', 'malformed'])

/** Whose it is and what it is for: the AEAD's associated data. A provider that was changed may be another server. */
const placeOf = async (tools: StateTools, asked: Asked, server_identifier: string) => {
  const { caller, traceparent } = asked.context
  const { method, params } = asked.request
  const acting = await actingOf(tools, caller, actsFor(asked))
  const { settings } = await tools.providers.find({ acting, server_identifier, traceparent })
  const { tenant_id, user_id, kind } = acting.principal
  const { _meta, inputResponses, requestState, ...repeated } = params
  return {
    ...{ tenant_id, table: 'endpoint', column: 'requestState', row: settings.provider_id, revision: settings.revision },
    user_id: user_id ?? '',
    app_id: kind === 'app' ? acting.principal.app_id : '',
    request: digestOf({ method, params: repeated })
  }
}

const notGiven = () =>
  refused('is not one that you were given for this request at this server. Make the request anew, without it.')
const tooOld = () => refused('has expired. Make the request anew, without it.')
const refused = (what: string) => new RpcFault(rpcCodes.invalidParams, `params.requestState ${what}`)
