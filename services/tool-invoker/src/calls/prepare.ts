import type { CatalogueTool, FoundTool, ProviderSettings } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import type { MintedToken, TokenAsk, Tokens } from '@onbehalf/mcp'
import type { Found } from '@onbehalf/rpc'
import { type Caller, tagsOfPrincipal } from '@onbehalf/service-kit'
import type { Vault } from '@onbehalf/vault'
import type { CheckArguments } from '../arguments/check.ts'
import type { CredentialAsk, Credentials, Held as HeldCredential } from '../credentials/cache.ts'
import type { WithCredential } from '../credentials/call-with.ts'
import type { Providers, ResolvedProvider } from '../providers/cache.ts'
import type { Tools } from '../tools/cache.ts'
import { callableTool } from '../tools/callable.ts'
import { type Acting, type ActingTools, actingOf } from './acting.ts'
import { goOn } from './go-on.ts'
import { tokenAskOf } from './identity.ts'
import { sealArguments } from './kept-arguments.ts'
import type { CallRow } from './record.ts'
import type { Called, RestedOn } from './rested-on.ts'

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
  providers: Pick<Providers, 'find' | 'hold' | 'use'>
  tools: Pick<Tools, 'findAnew' | 'hold' | 'use'>
  checkArguments: CheckArguments
  tokens: Pick<Tokens, 'hold' | 'use'>
  credentials: Pick<Credentials, 'hold' | 'use'>
  vault: Pick<Vault, 'seal'>
}

/** What a call is made as its user with, and how another token is asked for. */
export type Identity = { ask: () => TokenAsk; minted: MintedToken }

/** All that a call needs before it is sent; `identity` where it is made as its user, else `credential`. */
export type Prepared = {
  acting: Acting
  provider: ProviderSettings
  /** Undefined where the server has never been listed, or is asked something else than to run a tool. */
  tool: CatalogueTool | undefined
} & ({ identity: Identity; credential?: undefined } | { identity?: undefined; credential: WithCredential })

/**
 * Asks everybody who has a say in a call whether it may be made, and notes in its record how far it came. A refusal is
 * thrown at once where all that is asked for is held.
 */
export const prepare = (
  tools: PrepareTools,
  asked: Asked,
  { caller, traceparent }: { caller: Caller; traceparent: string },
  row: CallRow
): Prepared | Promise<Prepared> =>
  goOn(actingOf(tools, caller, asked), (acting) => {
    row.user_id = acting.principal.user_id
    return goOn(findBoth(tools, asked, { acting, traceparent }), ({ provider, found, rested }) => {
      row.provider_id = provider.provider_id
      row.mode = provider.mode
      // What was said of the tools of one provider is not true of another that took its name.
      if (found && found.provider_id !== provider.provider_id) throw changedMeanwhile()
      row.tool_hash = found?.tool?.hash ?? null
      const tool = found && callableTool(found)
      if (tool) asked.requireAgreement?.(tool)
      const known = { acting, provider, tool, rested, traceparent }
      return goOn(checkGiven(tools, asked, known, row), () => identify(tools, asked, known, row))
    })
  })

type Both = { provider: ProviderSettings; found: FoundTool | undefined; rested: RestedOn | undefined }

const findBoth = (
  { providers, tools }: PrepareTools,
  { server_identifier, tool, request }: Asked,
  { acting, traceparent }: Pick<Known, 'acting' | 'traceparent'>
): Both | Promise<Both> => {
  const called = { server_identifier, tool: request ? '' : tool }
  const same = acting.rests.find(called)
  const sameProvider = same && providers.use(same.provider)
  const sameTool = same?.found && tools.use(same.found)
  if (sameProvider && (request || sameTool)) return { provider: sameProvider.settings, found: sameTool, rested: same }
  const wanted = { acting, server_identifier, traceparent }
  const provider = providers.hold(wanted)
  if (request) return goOn(provider, (one) => bothOf(acting, called, one, undefined))
  const wantedTool = { ...wanted, tool }
  const found = tools.hold(wantedTool)
  if (!(provider instanceof Promise || found instanceof Promise)) return bothOf(acting, called, provider, found)
  return Promise.all([provider, found]).then(([one, other]) => bothOf(acting, called, one, other))
}

/** Both; where they are held the next call of the same finds them without a key. */
const bothOf = (
  { rests }: Acting,
  called: Called,
  provider: Found<ResolvedProvider>,
  found: Found<FoundTool> | undefined
): Both => {
  const isHeld = !found || found.held !== undefined
  const rested = provider.held && isHeld ? rests.keep(called, provider.held, found?.held) : undefined
  return { provider: provider.value.settings, found: found?.value, rested }
}

type Known = Pick<Prepared, 'acting' | 'provider' | 'tool'> & { rested: RestedOn | undefined; traceparent: string }

/** Refuses arguments that the tool does not take; those that are to be kept are put into the record. */
const checkGiven = (
  { checkArguments, vault }: PrepareTools,
  { arguments: given }: Asked,
  { tool, provider }: Known,
  row: CallRow
): Promise<void> | undefined => {
  if (!given) return undefined
  const checking = tool && checkArguments({ tenant_id: provider.tenant_id, tool }, given)
  if (!provider.keep_arguments) return checking
  const keep = async () => {
    await checking
    row.arguments = await sealArguments(vault, row, given)
  }
  return keep()
}

const identify = (
  tools: PrepareTools,
  asked: Asked,
  { acting, provider, tool, rested, traceparent }: Known,
  row: CallRow
): Prepared | Promise<Prepared> => {
  const known = { acting, provider, tool }
  if (provider.mode === 'off') {
    const ask = { acting, provider, traceparent }
    return goOn(credentialFor(tools, ask, rested), (held) => ({ ...known, credential: { ask, held } }))
  }
  const call = { tool: asked.tool, arguments_digest: row.arguments_digest }
  const ask = () => tokenAskOf(tools.providers, acting, provider, { call, traceparent })
  return goOn(tokenFor(tools, ask, rested, provider), (minted) => {
    noteIdentity(row, minted)
    return { ...known, identity: { ask, minted } }
  })
}

const credentialFor = (
  { credentials }: Pick<PrepareTools, 'credentials'>,
  ask: CredentialAsk,
  rested: RestedOn | undefined
): HeldCredential | Promise<HeldCredential> => {
  const { provider: settings } = ask
  const same = rested?.settings === settings && rested.credential && credentials.use(rested.credential)
  if (same) return same.credential
  return goOn(credentials.hold(ask), ({ value, held: credential }) => {
    if (rested) Object.assign(rested, { settings, credential, minted: undefined })
    return value.credential
  })
}

const tokenFor = (
  { tokens }: Pick<PrepareTools, 'tokens'>,
  ask: () => TokenAsk,
  rested: RestedOn | undefined,
  settings: ProviderSettings
): MintedToken | Promise<MintedToken> => {
  const same = rested?.settings === settings && rested.minted && tokens.use(rested.minted)
  if (same) return same
  const asked = ask()
  return goOn(tokens.hold(asked), ({ value, held: minted }) => {
    if (rested) Object.assign(rested, { settings, minted, credential: undefined })
    return value
  })
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
