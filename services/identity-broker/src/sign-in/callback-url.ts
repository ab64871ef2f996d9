import type { Connection, Tenant } from '../database.ts'

/**
 * Where an IdP sends the browser back to: an address of its own for each connection. So a code of one IdP cannot come
 * back as if it were another's (RFC 9700 §4.4.2.2), also where the IdP does not name itself with `iss` (RFC 9207).
 */
export const callbackUrl = (publicUrl: string, { slug }: Pick<Tenant, 'slug'>, { name }: Pick<Connection, 'name'>) =>
  `${publicUrl}/auth/callback/${slug}/${name}`
