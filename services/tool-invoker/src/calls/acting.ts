import type { Principal, ResolvedPrincipal } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import type { Authenticators, Caller, Resolving } from '@onbehalf/service-kit'
import { goOn } from './go-on.ts'
import { Rests } from './rested-on.ts'

/** For whom a call is made; one for as long as what was resolved is held. */
export class Acting {
  readonly principal: Principal
  /** What its calls rested on: that of the next one most often is the same. */
  readonly rests = new Rests()
  private readonly resolve: () => Resolving

  constructor(principal: Principal, resolve: () => Resolving) {
    this.principal = principal
    this.resolve = resolve
  }

  /** A ticket that holds now: one that was read at the start of a long call may have ended. */
  async ticket(): Promise<string> {
    return (await this.resolve()).ticket
  }
}

export type ActingTools = {
  authenticators: Authenticators
  /** The principal of an API key's app acting for a user; refused unless it may. */
  actFor: (keyHash: string, userId: string) => Resolving
}

type Asked = { user_id?: string; app_id?: string }

/**
 * Whom the caller acts for: a person only for themselves, an app for the user it names and may act for. At once where
 * that is held.
 */
export const actingOf = (tools: ActingTools, caller: Caller, asked: Asked): Acting | Promise<Acting> => {
  const resolve = resolverOf(tools, caller, asked)
  return goOn(resolve(), (resolved) => actingAs(resolved, resolve))
}

const kept = Symbol('for whom calls are made')
type Keeping = ResolvedPrincipal & { [kept]?: Acting }

const actingAs = (resolved: Keeping, resolve: () => Resolving): Acting => {
  const acting = resolved[kept]
  if (acting) return acting
  const value = new Acting(resolved.principal, resolve)
  // Not enumerable: a copy of what was resolved is for somebody else to say.
  Object.defineProperty(resolved, kept, { value })
  return value
}

const resolverOf = (
  { authenticators, actFor }: ActingTools,
  { principal, credential_hash }: Caller,
  { user_id, app_id }: Asked
): (() => Resolving) => {
  const { kind, tenant_id, credential } = principal
  if (app_id !== undefined && !(kind === 'app' && principal.app_id === app_id)) throw notYourApp()
  if (kind === 'user' && user_id !== undefined && user_id !== principal.user_id) throw notYourself()
  const { session, bearer, api_key } = authenticators
  if (credential.kind === 'session' && session) return asking(session, { tenant_id, session_id: credential.id })
  if (credential_hash === null) throw new Error('a caller has a session or a credential that was hashed')
  if (kind === 'app' && user_id !== undefined) return () => actFor(credential_hash, user_id)
  const resolve = kind === 'app' ? api_key : bearer
  if (!resolve) throw new Error(`no ${credential.kind} is accepted here`)
  return asking(resolve, credential_hash)
}

/** Keeps no more than it needs, with each for whom calls are made. */
const asking =
  <Key>(resolve: (key: Key) => Resolving, key: Key) =>
  (): Resolving =>
    resolve(key)

const notYourApp = () =>
  new ReportedError('policy_denied', 'app_id is not the app of your API key. Leave it out, or use a key of that app.')
const notYourself = () =>
  new ReportedError('policy_denied', 'You can only call as yourself. Leave user_id out, or use an API key.')
