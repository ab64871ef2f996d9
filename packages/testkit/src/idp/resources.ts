import { errors, type ResourceServer } from 'oidc-provider'

/** Which resources (RFC 8707) may be named; the set may grow while the IdP runs. */
export const createResources = (allowed: 'any-http' | readonly string[], accessTokenSeconds: number) => {
  const known = new Set(allowed === 'any-http' ? [] : allowed)
  const isAllowed = (resource: string) =>
    known.has(resource) || (allowed === 'any-http' && /^https?:\/\/[^#]+$/.test(resource))

  return {
    allow: (resource: string): void => {
      known.add(resource)
    },
    /** A JWT for this resource alone, its audience byte for byte what was asked for. */
    describe: async (_ctx: unknown, resource: string): Promise<ResourceServer> => {
      if (!isAllowed(resource)) throw new errors.InvalidTarget()
      return {
        scope: 'mcp',
        audience: resource,
        accessTokenTTL: accessTokenSeconds,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } }
      }
    }
  }
}
