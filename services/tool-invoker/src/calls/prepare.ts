import type { CatalogueTool, ProviderSettings } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import type { MintedToken, TokenAsk, Tokens } from '@onbehalf/mcp'
import { type Caller, tagsOfPrincipal } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import type { CheckArguments } from '../arguments/check.ts'
import type { Credentials } from '../credentials/cache.ts'
import type { WithCredential } from '../credentials/call-with.ts'
import type { Providers } from '../providers/cache.ts'
import type { Tools } from '../tools/cache.ts'
import { callableTool } from '../tools/callable.ts'
import { type Acting, type ActingTools, actingOf } from './acting.ts'
import { tokenAskOf } from './identity.ts'
import { sealArguments } from './kept-arguments.ts'
import type { CallRow } from './record.ts'

type Asked = {
  server_identifier: string
  tool: string
  request?: object
  /** Checked where they are given. */
  arguments?: Record<string, unknown>
  requireAgreement?: (tool: CatalogueTool) => void
  user_id?: string
  app_id?: string
}

export type PrepareTools = ActingTools & {
  providers: Pick<Providers, 'find' | 'peek'>
  tools: Pick<Tools, 'find' | 'findAnew' | 'peek'>
  checkArguments: CheckArguments
  tokens: Pick<Tokens, 'get' | 'peek'>
  credentials: Pick<Credentials, 'get' | 'peek'>
  vault: Pick<Vault, 'seal'>
}

/** All that a call needs before it is sent; `identity` where it is made as its user, else `credential`. */
export type Prepared = {
  acting: Acting
  provider: ProviderSettings
  /** Undefined where the server has never been listed, or is asked something else than to run a tool. */
  tool: CatalogueTool | undefined
} & (
  | { identity: { ask: TokenAsk; minted: MintedToken }; credential?: undefined }
  | { identity?: undefined; credential: WithCredential }
)

/** Asks everybody who has a say in a call whether it may be made, and notes in its record how far it came. */
export const prepare = async (
  tools: PrepareTools,
  asked: Asked,
  { caller, traceparent }: { caller: Caller; traceparent: string },
  row: CallRow
): Promise<Prepared> => {
  const { server_identifier, tool: name } = asked
  // Here and below: nothing is awaited that is held, since each wait costs as much as the look-up.
  const known = actingOf(tools, caller, asked)
  const acting = known instanceof Promise ? await known : known
  row.user_id = acting.principal.user_id
  const wanted = { acting, server_identifier, traceparent }
  const wantedTool = asked.request ? undefined : { ...wanted, tool: name }
  const heldProvider = tools.providers.peek(wanted)
  const heldTool = wantedTool && tools.tools.peek(wantedTool)
  const areHeld = heldProvider !== undefined && (heldTool !== undefined || wantedTool === undefined)
  const [{ settings: provider }, found] = areHeld
    ? [heldProvider, heldTool]
    : await Promise.all([tools.providers.find(wanted), wantedTool && tools.tools.find(wantedTool)])
  row.provider_id = provider.provider_id
  row.mode = provider.mode
  // What was said of the tools of one provider is not true of another that took its name.
  if (found && found.provider_id !== provider.provider_id) throw changedMeanwhile()
  row.tool_hash = found?.tool?.hash ?? null
  const tool = found && callableTool(found)
  if (tool) asked.requireAgreement?.(tool)
  const checking = tool && asked.arguments && tools.checkArguments(tool, asked.arguments)
  if (checking !== undefined) await checking
  if (provider.keep_arguments && asked.arguments) row.arguments = await sealArguments(tools.vault, row, asked.arguments)
  if (provider.mode === 'off') {
    const ask = { acting, provider, traceparent }
    const held = tools.credentials.peek(ask)
    const credential = { ask, held: held === undefined ? await tools.credentials.get(ask) : held }
    return { acting, provider, tool, credential }
  }

  const call = { tool: name, arguments_digest: row.arguments_digest }
  const ask = tokenAskOf(tools.providers, acting, provider, { call, traceparent })
  const minted = tools.tokens.peek(ask) ?? (await tools.tokens.get(ask))
  noteIdentity(row, minted)
  return { acting, provider, tool, identity: { ask, minted } }
}

const changedMeanwhile = () =>
  new ReportedError('unavailable', 'The server was changed during the call. Try again.', { retry_after_seconds: 1 })

/** What a prepared call rests on, as the owners' feeds name it. */
export const tagsOfPrepared = ({ acting: { principal }, provider, identity }: Prepared): string[] => {
  const { grant_id = null, connection_id = null } = identity?.minted.identity ?? {}
  return [
    ...tagsOfPrincipal({ principal }),
    `provider:${provider.provider_id}`,
    ...(grant_id ? [`grant:${grant_id}`] : []),
    ...(connection_id ? [`connection:${connection_id}`] : [])
  ]
}

export const noteIdentity = (row: CallRow, { identity }: MintedToken): void => {
  row.audience = identity.audience
  row.subject = identity.subject
  row.token_jti = identity.jti
}
