import type { Caller } from '@onbehalf/service-kit'
import { type Vault, VaultError, type VaultErrorReason } from '@onbehalf/vault'
import type { Providers } from '../providers/cache.ts'
import { type ActingTools, actingOf } from './acting.ts'
import { digestOf } from './digest.ts'

export type StateTools = ActingTools & {
  vault: Pick<Vault, 'seal' | 'open'>
  providers: Pick<Providers, 'find'>
  now: () => Date
}

/** The request that a state belongs to, and who makes it. */
export type StateOf = {
  caller: Caller
  traceparent: string
  /** Whom an app acts for. */
  acts: { user_id?: string; app_id?: string }
  server_identifier: string
  method: string
  /** All that is said again with the state. */
  params: object
  /** The error for a state that is none, given the end of a sentence on it. */
  refused: (what: string) => Error
}

const lifeMs = 3_600_000
export const stateLengthMax = 256 * 1024

/** What a server wants back with the request made again; sealed, only this caller can give it, for this request, to it. */
export const sealState = async (tools: StateTools, of: StateOf, state: unknown): Promise<string> => {
  const until = tools.now().getTime() + lifeMs
  const sealed = await tools.vault.seal(JSON.stringify([until, state]), await placeOf(tools, of))
  return sealed.toString('base64url')
}

/** The server's own words of a state that was sealed. Throws `refused` for any other, and for one that is too old. */
export const openState = async (tools: StateTools, of: StateOf, sealed: unknown): Promise<unknown> => {
  if (typeof sealed !== 'string' || sealed.length > stateLengthMax) throw of.refused(notGiven)
  const place = await placeOf(tools, of)
  const opened = await tools.vault.open(Buffer.from(sealed, 'base64url'), place).catch((cause: unknown) => {
    throw cause instanceof VaultError && forged.has(cause.reason) ? of.refused(notGiven) : cause
  })
  const [until, state] = JSON.parse(opened)
  if (until < tools.now().getTime()) throw of.refused(tooOld)
  return state
}

const forged: ReadonlySet<VaultErrorReason> = new Set(['altered_or_misplaced', 'data_key_missing', 'malformed'])

/** Whose it is and what it is for: the AEAD's associated data. A provider that was changed may be another server. */
const placeOf = async (
  tools: StateTools,
  { caller, traceparent, acts, server_identifier, method, params }: StateOf
) => {
  const acting = await actingOf(tools, caller, acts)
  const { settings } = await tools.providers.find({ acting, server_identifier, traceparent })
  const { tenant_id, user_id, kind } = acting.principal
  return {
    // `endpoint` also where REST asks: what is sealed says it.
    ...{ tenant_id, table: 'endpoint', column: 'requestState', row: settings.provider_id, revision: settings.revision },
    user_id: user_id ?? '',
    app_id: kind === 'app' ? acting.principal.app_id : '',
    request: digestOf({ method, params })
  }
}

const notGiven = 'is not one that you were given for this request at this server. Make the request anew, without it.'
const tooOld = 'has expired. Make the request anew, without it.'
