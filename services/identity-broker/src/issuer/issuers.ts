import type { SigningKeys, SigningKeysOf } from '@onbehalf/service-kit'

export type Issuers = ReturnType<typeof createIssuers>

export type Issuer = { issuer: string; keys: SigningKeys }

/**
 * Each tenant is an issuer of its own, with keys of its own: a server that trusts one tenant cannot be talked into
 * believing another. It is named by its id, because a slug could one day be somebody else's.
 */
export const createIssuers = ({ signingKeysOf, publicUrl }: { signingKeysOf: SigningKeysOf; publicUrl: string }) => ({
  /** The issuer of a tenant that exists; its first key is made when it is first asked for. */
  find: async (tenant_id: string): Promise<Issuer> => ({
    issuer: `${publicUrl}/t/${tenant_id}`,
    keys: await signingKeysOf({ purpose: 'issuer', tenant_id })
  })
})
