import type { describeFlow } from '../device-code/find.ts'
import type { Problem } from './problem.ts'

/** What a device asks for, as its user has to see it before they decide. */
type Asking = { user_code: string; flow: ReturnType<typeof describeFlow>; csrf: string }

type AuthorizeMember = Asking & { name: 'authorize_member'; person: string; tenant: string }
/** `issuer` is the identity provider that says who `email` is. */
type AuthorizeSso = Asking & { name: 'authorize_sso'; email: string; issuer: string }

/** Everything that `/device` can show. */
export type DeviceView =
  | { name: 'code_entry'; malformed?: string }
  /** `accountPath` is where a member signs in. */
  | { name: 'chooser'; user_code: string; accountPath: string; hasSso: boolean }
  | { name: 'organisation'; unknown?: string }
  | AuthorizeMember
  | AuthorizeSso
  | { name: 'success' | 'denied' }
  | { name: Exclude<Problem, 'rate_limited' | 'not_fresh'> }
  /** `href` is where a fresh sign-in begins. */
  | { name: 'not_fresh'; href: string }
  | { name: 'rate_limited'; retry_after_seconds: number }

export type ViewOf<Name extends DeviceView['name']> = Extract<DeviceView, { name: Name }>
