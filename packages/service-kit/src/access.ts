import type { KeyScope, Role } from '@onbehalf/contracts'
import type { RouteOptions } from 'fastify'

export type CredentialKind = 'session' | 'bearer' | 'api_key'

/** Who may call a route. Every route says it; one that does not is not registered. */
export type Access =
  | 'public'
  /** The installation's secret, on the inner listener only. */
  | 'inner'
  /** The cookie a browser renews its session with, on a request of our own origin; for identity-broker alone. */
  | 'renewal'
  | {
      credentials: readonly CredentialKind[]
      /** Which roles a person needs. */
      roles?: readonly Role[]
      /** What an API key has to be made for; said by every route that takes API keys. */
      scope?: KeyScope
      /** Whether an external user's device token (`dfoe_…`) opens it as well; it opens nothing else. */
      isForExternals?: true
    }

/** Any member of the tenant, from a browser or a terminal. */
export const anyUser = { credentials: ['session', 'bearer'] } as const satisfies Access
/** Those who may change what a tenant has. */
export const administrators = {
  credentials: ['session', 'bearer'],
  roles: ['owner', 'admin']
} as const satisfies Access

/** The same, and API keys that were made for it. */
export const orKeyFor = (scope: KeyScope, access: Restricted): Access => ({
  ...access,
  credentials: [...access.credentials, 'api_key'],
  scope
})

/** The same, and the device tokens of external users: for calling tools, and for what a token says of itself. */
export const orExternals = (access: Restricted): Restricted => ({ ...access, isForExternals: true })

/** Whether somebody with this role may change what the tenant has. */
export const isAdministrator = ({ role }: { role: Role | null }): boolean => role === 'owner' || role === 'admin'

/** What a route says that takes credentials of callers. */
export type Restricted = Exclude<Access, string>

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
    /** A GET that changes something: a browser has to show for it what it shows for the methods that do. */
    isUnsafe?: true
  }
}

export type RouteFact = { method: string; url: string; access: Access }

/**
 * The access a route declares; throws, so that the service does not start, when it declares none or half of one, or hides
 * a guarded one.
 */
export const accessOf = ({ config, method, url, schema }: RouteOptions): Access => {
  const access = config?.access
  if (!access) throw new Error(`${String(method)} ${url} does not say who may call it: give it config.access`)
  if (typeof access === 'object' && access.credentials.includes('api_key') && !access.scope)
    throw new Error(`${String(method)} ${url} takes API keys and does not say of which scope: give its access one`)
  // The acceptance tests try every guarded route, and find them there.
  if (access !== 'public' && schema?.hide)
    throw new Error(`${String(method)} ${url} is not public: it may not hide from /openapi.json`)
  return access
}

/** The credentials as OpenAPI has them, by the names that routes use. */
export const securitySchemesFor = ({ session, renewal }: { session: string; renewal: string }) =>
  ({
    session: { type: 'apiKey', in: 'cookie', name: session, description: 'A signed-in browser' },
    renewal: { type: 'apiKey', in: 'cookie', name: renewal, description: 'What a browser renews its session with' },
    bearer: {
      type: 'http',
      scheme: 'bearer',
      description: "A device token: dfoa_…; an external user's, dfoe_…, calls tools and nothing else"
    },
    api_key: { type: 'http', scheme: 'bearer', description: "An app's API key: obk_…" },
    inner: { type: 'apiKey', in: 'header', name: 'Enterprise-Api-Secret-Key', description: "An installation's secret" }
  }) as const

/** Any one of the named credentials; none for a public route. */
export const securityOf = (access: Access): Record<string, string[]>[] => {
  if (access === 'public') return []
  if (access === 'inner' || access === 'renewal') return [{ [access]: [] }]
  const scopes = access.scope ? [access.scope] : []
  return access.credentials.map((kind) => ({ [kind]: kind === 'api_key' ? scopes : [] }))
}
