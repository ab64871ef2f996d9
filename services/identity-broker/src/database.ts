import type { Role } from '@onbehalf/contracts'
import type { AuditTables, KeyTables } from '@onbehalf/service-kit'
import type { ColumnType, Generated, Insertable, Selectable, Transaction } from 'kysely'
import type {
  Claims,
  ClientAuthentication,
  ConnectionKind,
  Quirk,
  ResourceSupport,
  SuspectedQuirk
} from './connections/vocabulary.ts'
import type { SamlSettings } from './saml/settings.ts'

/** A public JWK: ES256 or EdDSA. */
export type LinkKey = { kid: string; kty: 'EC' | 'OKP'; crv: 'P-256' | 'Ed25519'; x: string; y?: string }
export type RefusalCode = 'audience_not_supported' | 'audience_not_allowed' | 'policy_denied'
export type ActFor = 'none' | 'linked' | 'listed' | 'any'

type TenantTable = { id: string; slug: string; name: string; created_at: Generated<Date> }

type ConnectionTable = {
  id: string
  tenant_id: string
  name: string
  kind: Generated<ConnectionKind>
  issuer: string
  /** Null where discovery tells it; so are the next two. */
  authorization_endpoint: string | null
  /** With discovery: what it told last, null until it was asked. */
  token_endpoint: string | null
  userinfo_endpoint: string | null
  revocation_endpoint: string | null
  claims: Claims | null
  /** Of the kind `saml`, and of no other. */
  saml: SamlSettings | null
  client_id: string
  client_secret: Buffer | null
  client_authentication: ClientAuthentication
  /** Space separated, as OAuth has them. */
  scopes: string
  resource_support: ResourceSupport
  /** Whether a refresh token is replaced by the next one each time it is used. */
  rotating: Generated<boolean>
  quirks: Generated<Quirk[]>
  revision: Generated<number>
  created_at: Generated<Date>
  updated_at: Generated<Date>
}

/** A switch that would explain what the IdP of a connection was seen to do. */
type SuspectedQuirkTable = {
  connection_id: string
  quirk: SuspectedQuirk
  since: Generated<Date>
  /** To within minutes. */
  last_seen_at: Generated<Date>
}

type UserTable = {
  id: string
  tenant_id: string
  connection_id: string
  subject: string
  email: string | null
  is_email_verified: boolean
  name: string | null
  created_at: Generated<Date>
  /** Their last sign-in; null for somebody who never did. */
  signed_in_at: Generated<Date | null>
  /** When their IdP last said who they are for a device, which is no sign-in here. */
  identified_at: Generated<Date | null>
  /** How many of their links were ended: a code that was made before the last one holds no more. */
  links_ended: Generated<number>
}

type MemberTable = { user_id: string; tenant_id: string; role: Role; created_at: Generated<Date> }

type SessionTable = {
  id: string
  tenant_id: string
  user_id: string
  connection_id: string
  /** Whether the user was a member when it began: it ends with the membership. */
  is_member: boolean
  /** What pages repeat on unsafe requests; the same for the whole session, so that no open form goes stale. */
  csrf: string
  created_at: Generated<Date>
  renewed_at: Generated<Date>
  /** When it ends unless it is renewed before. */
  idle_until: Date
  /** When it ends, however often it was renewed. */
  expires_at: Date
  ended_at: Date | null
  /** The `sid` of the IdP's own session. */
  idp_session: string | null
  /** When the IdP authenticated its user, where it said so; a renewal changes nothing about it. */
  auth_time: Date | null
  /** Encrypted, until the session ends: what the IdP wants to see when its user signs out there. */
  id_token: Buffer | null
  user_agent: string
  created_ip: string
}

/** Everything a session was or is renewed with. */
type SessionRenewalTable = {
  hash: string
  session_id: string
  /** With the token itself it gives the next one; null while the token is the current one. */
  seed: string | null
  replaced_at: Date | null
}

/** Logout tokens that were accepted, until they end: each works once. */
type LogoutTokenTable = { connection_id: string; jti_hash: string; expires_at: Date }

type GrantTable = {
  id: string
  tenant_id: string
  user_id: string
  connection_id: string
  /** What the refresh token was authorised for, sorted: part of the key. */
  resources: string[]
  issuer: string
  token_endpoint: string
  client_id: string
  /** Whether it was given for when its user is away (offline_access): it then outlives the IdP's session. */
  is_offline: boolean
  /** The `sid` of the IdP's session it was given in. */
  idp_session: string | null
  /** Null once the grant is dead. */
  refresh_token: Buffer | null
  generation: Generated<number>
  /** Counts the emptyings of the minted tokens. */
  epoch: Generated<number>
  dead_reason: string | null
  attempt: Generated<number>
  lease_owner: string | null
  lease_until: Date | null
  sent_at: Date | null
  backoff_until: Date | null
  created_at: Generated<Date>
  updated_at: Generated<Date>
}

type MintedTokenTable = {
  grant_id: string
  audience: string
  mode: string
  scopes: string
  token: Buffer
  token_hash: string
  jti: string | null
  generation: number
  issued_at: Generated<Date>
  expires_at: Date
}

/** An answer without a token that could be handed out; it holds while `epoch` and the connection's revision do. */
type RefusalTable = {
  grant_id: string
  audience: string
  mode: string
  scopes: string
  code: RefusalCode
  message: string
  connection_revision: number
  /** The grant's, when it was asked. */
  epoch: number
  created_at: Generated<Date>
}

type IssuanceTable = {
  id: string
  tenant_id: string
  /** As whom. */
  user_id: string
  /** Who asked; `system` where it was not recorded. */
  actor_kind: 'user' | 'app' | 'installation' | 'system'
  actor_id: string | null
  grant_id: string | null
  audience: string
  mode: string
  /** `issued`, or the code it was refused with. */
  outcome: string
  jti: string | null
  /** Of the token and its audience. */
  token_hash: string | null
  generation: number | null
  /** How often it was asked for. */
  times: Generated<number>
  expires_at: Date | null
  created_at: Generated<Date>
  last_at: Generated<Date>
}

type InvitationTable = {
  id: string
  tenant_id: string
  /** As it was typed; compared without regard to case. */
  email: string
  role: Role
  token_hash: string
  invited_by: string
  created_at: Generated<Date>
  expires_at: Date
  accepted_at: Generated<Date | null>
  accepted_by: Generated<string | null>
  revoked_at: Generated<Date | null>
}

type DomainTable = {
  id: string
  tenant_id: string
  /** Lower case, as DNS has it. */
  name: string
  /** What the TXT record has to say. */
  token: string
  verified_at: Date | null
  verified_by: 'dns' | 'instance' | null
  checked_at: Generated<Date | null>
  created_at: Generated<Date>
}

type AppTable = {
  id: string
  tenant_id: string
  name: string
  /** Where a browser may be sent back to after a link was made. */
  return_urls: Generated<string[]>
  /** Whose signatures on links are the app's. */
  link_keys: ColumnType<LinkKey[], string | undefined, string>
  created_at: Generated<Date>
}

type ApiKeyTable = {
  id: string
  tenant_id: string
  app_id: string
  key_hash: string
  prefix: string
  act_for: ActFor
  listed: ColumnType<string[], string[], string[]>
  scopes: Generated<string[]>
  /** Who last said whom it may act for: a user, or the bootstrap file; null where that is not known. */
  set_by_kind: 'user' | 'system' | null
  set_by_id: string | null
  /** What they were when they said so; null where that is not known. */
  set_by_role: Role | null
  created_at: Generated<Date>
  /** To within a minute. */
  last_used_at: Generated<Date | null>
  expires_at: Date | null
  revoked_at: Date | null
}

/** Whom an app may act for when it says its own id of them. */
type LinkTable = {
  id: string
  tenant_id: string
  app_id: string
  /** The user's id at the app. */
  external_id: string
  user_id: string
  /** The user themselves, or who imported it; null where that is not known. */
  allowed_by: string | null
  /** What who imported it was then; null where that is not known, and for the user themselves. */
  allowed_by_role: Role | null
  created_at: Generated<Date>
  updated_at: Generated<Date>
}

type InstallationTable = { id: string; name: string; created_at: Generated<Date> }

type InstallationSecretTable = {
  id: string
  installation_id: string
  secret_hash: string
  created_at: Generated<Date>
  /** Set when a newer one took its place. */
  expires_at: Date | null
  last_used_at: Date | null
}

type InstallationTenantTable = {
  installation_id: string
  tenant_id: string
  /** What the installation itself calls the tenant. */
  external_id: string | null
}

type AudiencePatternTable = { id: string; tenant_id: string; pattern: string; created_at: Generated<Date> }

export type Database = KeyTables &
  AuditTables & {
    tenant: TenantTable
    connection: ConnectionTable
    suspected_quirk: SuspectedQuirkTable
    user: UserTable
    member: MemberTable
    session: SessionTable
    session_renewal: SessionRenewalTable
    logout_token: LogoutTokenTable
    grant: GrantTable
    minted_token: MintedTokenTable
    refusal: RefusalTable
    issuance: IssuanceTable
    invitation: InvitationTable
    domain: DomainTable
    app: AppTable
    link: LinkTable
    api_key: ApiKeyTable
    installation: InstallationTable
    installation_secret: InstallationSecretTable
    installation_tenant: InstallationTenantTable
    audience_pattern: AudiencePatternTable
  }

/** The database inside of a transaction. */
export type Writing = Transaction<Database>

export type Tenant = Selectable<TenantTable>
export type Connection = Selectable<ConnectionTable>
export type Suspicion = Selectable<SuspectedQuirkTable>
export type Session = Selectable<SessionTable>
/** What ended of theirs is for `links/` alone. */
export type User = Omit<Selectable<UserTable>, 'links_ended'>
export type Invitation = Selectable<InvitationTable>
export type Domain = Selectable<DomainTable>
export type App = Selectable<AppTable>
export type Grant = Selectable<GrantTable>
export type Link = Selectable<LinkTable>
export type ApiKey = Selectable<ApiKeyTable>
export type Installation = Selectable<InstallationTable>
export type AudiencePatternRow = Selectable<AudiencePatternTable>
export type NewUser = Pick<Insertable<UserTable>, 'subject' | 'email' | 'is_email_verified' | 'name'>
