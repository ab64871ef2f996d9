import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The people of the demo, at its IdP. `bob` is a member who never signs in. */
export const people = {
  owner: { sub: 'olivia', login: 'olivia', email: 'olivia@acme.test', name: 'Olivia Owner', role: 'owner' },
  user: { sub: 'ann', login: 'ann', email: 'ann@acme.test', name: 'Ann Example', role: 'member' },
  absent: { sub: 'bob', login: 'bob', email: 'bob@acme.test', name: 'Bob Example', role: 'member' }
} as const

/** The owner of a second tenant, who must see nothing of the first. */
export const stranger = {
  sub: 'greta',
  login: 'greta',
  email: 'greta@globex.test',
  name: 'Greta Globex',
  role: 'owner'
} as const

const everybody = [...Object.values(people), stranger]

export const idpUsers = everybody.map(({ sub, email, name }) => ({
  sub,
  email,
  email_verified: true,
  name
}))

const connection = {
  name: 'sso',
  client_id: 'onbehalf',
  client_secret_env: 'DEMO_CLIENT_SECRET',
  client_authentication: 'basic',
  scopes: 'openid email profile offline_access',
  resource_support: 'many'
}

/** Writes the bootstrap file of the demo tenant, and answers with its path. */
export const writeBootstrapFile = (directory: string, issuer: string): string => {
  const membersOf = (some: readonly { sub: string; email: string; role: string }[]) =>
    some.map(({ sub, email, role }) => ({ connection: connection.name, subject: sub, email, role }))
  const apps = [{ name: 'Demo workflows', api_key_env: 'DEMO_API_KEY', act_for: 'any' }]
  const connections = [{ ...connection, issuer }]
  const acme = { slug: 'acme', name: 'Acme', connections, members: membersOf(Object.values(people)), apps }
  const globex = { slug: 'globex', name: 'Globex', connections, members: membersOf([stranger]) }
  const installations = [{ name: 'demo', secret_env: 'DEMO_INSTALLATION_SECRET', tenants: ['acme'] }]
  const path = join(directory, 'bootstrap.json')
  writeFileSync(path, JSON.stringify({ tenants: [acme, globex], installations }, null, 2))
  return path
}

/** What `bootstrap` prints. */
export type Bootstrapped = { tenants: { id: string; slug: string; members: { id: string; subject: string }[] }[] }
