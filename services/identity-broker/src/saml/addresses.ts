import type { Connection, Tenant } from '../database.ts'

/** What we are called at an IdP (SAML metadata §2.3.2), and where it has browsers post its answers. */
export type Sides = { entityId: string; acsUrl: string }

/** Each connection has addresses of its own; what we are called is where we describe ourselves. */
export const sidesOf = (
  publicUrl: string,
  { slug }: Pick<Tenant, 'slug'>,
  { name }: Pick<Connection, 'name'>
): Sides => {
  const base = `${publicUrl}/auth/saml/${slug}/${name}`
  return { entityId: `${base}/metadata`, acsUrl: `${base}/acs` }
}
