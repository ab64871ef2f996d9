import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The people of the demo, at its IdP. `bob` is a member who never signs in. */
export const people = {
  owner: { sub: 'olivia', login: 'olivia', email: 'olivia@acme.test', name: 'Olivia Owner', role: 'owner' },
  user: { sub: 'ann', login: 'ann', email: 'ann@acme.test', name: 'Ann Example', role: 'member' },
  absent: { sub: 'bob', login: 'bob', email: 'bob@acme.test', name: 'Bob Example', role: 'member' }
} as const

export const idpUsers = Object.values(people).map(({ sub, email, name }) => ({
  sub,
  email,
  email_verified: true,
  name
}))

const connection = {
  name: 'Demo SSO',
  client_id: 'onbehalf',
  client_secret_env: 'DEMO_CLIENT_SECRET',
  client_authentication: 'basic',
  scopes: 'openid email profile offline_access',
  resource_support: 'many'
}

/** Writes the bootstrap file of the demo tenant, and answers with its path. */
export const writeBootstrapFile = (directory: string, issuer: string): string => {
  const members = Object.values(people).map(({ sub, email, role }) => ({
    connection: connection.name,
    subject: sub,
    email,
    role
  }))
  const apps = [{ name: 'Demo workflows', api_key_env: 'DEMO_API_KEY', act_for: 'any' }]
  const tenant = { slug: 'acme', name: 'Acme', connections: [{ ...connection, issuer }], members, apps }
  const installations = [{ name: 'demo', secret_env: 'DEMO_INSTALLATION_SECRET', tenants: ['acme'] }]
  const path = join(directory, 'bootstrap.json')
  writeFileSync(path, JSON.stringify({ tenants: [tenant], installations }, null, 2))
  return path
}

/** What `bootstrap` prints. */
export type Bootstrapped = { tenants: { id: string; slug: string; members: { id: string; subject: string }[] }[] }
