import { readFile } from 'node:fs/promises'
import { Client, escapeIdentifier } from 'pg'
import { inRepository } from './repository.ts'
import { roleName, type ServiceName, serviceNames } from './service-names.ts'

/** The database of an installation. */
export const databaseName = 'onbehalf'

export const withClient = async <Result>(url: string, work: (client: Client) => Promise<Result>): Promise<Result> => {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** The same server and user, another database. */
export const withDatabase = (url: string, database: string): string => {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  return changed.href
}

/** The same server and database, as the role of this service. */
export const asService = (url: string, service: ServiceName, password: string): string => {
  const changed = new URL(url)
  changed.username = roleName(service)
  changed.password = password
  return changed.href
}

/** Creates the database when it is not there, and returns the administrator's URL of it. */
export const ensureDatabase = async (adminUrl: string, database: string): Promise<string> => {
  await withClient(adminUrl, async (client) => {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [database])
    if (rowCount === 0) await client.query(`CREATE DATABASE ${escapeIdentifier(database)}`)
  })
  return withDatabase(adminUrl, database)
}

/** One role and one schema per service in the database of this URL; see infra/postgres/provision.sql. */
export const provisionDatabase = async (
  adminUrl: string,
  passwords: Record<ServiceName, string>
): Promise<{ urlFor: (service: ServiceName) => string }> => {
  const sql = await readFile(inRepository('infra/postgres/provision.sql'), 'utf8')
  await withClient(adminUrl, async (client) => {
    for (const service of serviceNames) {
      const setting = `onbehalf.${roleName(service)}_password`
      await client.query('SELECT set_config($1, $2, false)', [setting, passwords[service]])
    }
    await client.query(sql)
  })
  return { urlFor: (service) => asService(adminUrl, service, passwords[service]) }
}

/** A copy of a provisioned and migrated database, for one test file. */
export const cloneDatabase = async (adminUrl: string, template: string, name: string): Promise<string> => {
  const clone = escapeIdentifier(name)
  const roles = serviceNames.map((service) => escapeIdentifier(roleName(service))).join(', ')
  await withClient(adminUrl, async (client) => {
    await client.query(`CREATE DATABASE ${clone} TEMPLATE ${escapeIdentifier(template)}`)
    // A copy brings the schemas' grants, but not the database's own.
    await client.query(`REVOKE ALL ON DATABASE ${clone} FROM PUBLIC`)
    await client.query(`GRANT CONNECT ON DATABASE ${clone} TO ${roles}`)
  })
  return withDatabase(adminUrl, name)
}

export const dropDatabase = (adminUrl: string, name: string): Promise<void> =>
  withClient(adminUrl, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`)
  })
