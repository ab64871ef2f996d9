import type { Egress } from '@onbehalf/egress'
import type { SigningKey } from '@onbehalf/rpc'
import type { Publish } from '../providers/desk.ts'
import type { McpLister } from '../tools/mcp-lister.ts'
import type { BroughtStore } from './brought-store.ts'
import type { Callbacks } from './callbacks.ts'
import type { Authorizations } from './describe.ts'
import type { ClientDocument } from './document.ts'
import type { FindClient, FindKnownClient } from './find-client.ts'
import type { RetireClient } from './retire-client.ts'
import type { AuthorizationStates } from './state.ts'
import type { CredentialStore } from './store.ts'

/** What an authorization works with; every verb names the part it uses. */
export type OauthDesk = {
  authorizations: Authorizations
  credentials: CredentialStore & BroughtStore
  document: ClientDocument
  callbacks: Callbacks
  states: AuthorizationStates
  findClient: FindClient
  findKnownClient: FindKnownClient
  retireClient: RetireClient
  /** The tenant's key for `private_key_jwt`. */
  findKey: (tenant_id: string) => Promise<SigningKey>
  mcp: Pick<McpLister, 'list'>
  egress: Pick<Egress, 'request' | 'checkReachable'>
  publish: Publish
  /** Has what was dropped taken back where it was given; after the commit. */
  revokeDropped: (tenant_id: string) => void
  now: () => number
}
