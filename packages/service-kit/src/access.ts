import type { Role } from '@onbehalf/contracts'
import type { RouteOptions } from 'fastify'

export type CredentialKind = 'session' | 'bearer' | 'api_key'

/** Who may call a route. Every route says it; one that does not is not registered. */
export type Access =
  | 'public'
  /** The installation's secret, on the inner listener only. */
  | 'inner'
  | { credentials: readonly CredentialKind[]; roles?: readonly Role[] }

/** Any member of the tenant, from a browser or a terminal. */
export const anyUser: Access = { credentials: ['session', 'bearer'] }
/** Those who may change what a tenant has. */
export const administrators: Access = { credentials: ['session', 'bearer'], roles: ['owner', 'admin'] }

/** Whether somebody with this role may change what the tenant has. */
export const isAdministrator = ({ role }: { role: Role | null }): boolean => role === 'owner' || role === 'admin'

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
  }
}

export type RouteFact = { method: string; url: string; access: Access }

/** The access a route declares; throws, so that the service does not start, when it declares none or hides a guarded one. */
export const accessOf = ({ config, method, url, schema }: RouteOptions): Access => {
  const access = config?.access
  if (!access) throw new Error(`${String(method)} ${url} does not say who may call it: give it config.access`)
  // The acceptance tests try every guarded route, and find them there.
  if (access !== 'public' && schema?.hide)
    throw new Error(`${String(method)} ${url} is not public: it may not hide from /openapi.json`)
  return access
}

/** The credentials as OpenAPI has them, by the names that routes use. */
export const securitySchemesFor = (sessionCookie: string) =>
  ({
    session: { type: 'apiKey', in: 'cookie', name: sessionCookie, description: 'A signed-in browser' },
    bearer: { type: 'http', scheme: 'bearer', description: 'A device token: dfoa_…' },
    api_key: { type: 'http', scheme: 'bearer', description: "An app's API key: obk_…" },
    inner: { type: 'apiKey', in: 'header', name: 'Enterprise-Api-Secret-Key', description: "An installation's secret" }
  }) as const

/** Any one of the named credentials; none for a public route. */
export const securityOf = (access: Access): Record<string, string[]>[] => {
  if (access === 'public') return []
  if (access === 'inner') return [{ inner: [] }]
  return access.credentials.map((kind) => ({ [kind]: [] }))
}
