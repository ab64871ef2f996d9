import { Refusal, UnreachableError } from '@onbehalf/service-kit'
import { databaseName, withClient } from '../servers/database.ts'

const oldestVersion = 15

const question = `
  SELECT current_setting('server_version_num')::integer / 10000 AS version, current_user AS name,
    rolsuper OR rolcreaterole AS may_create_roles,
    rolsuper OR rolcreatedb OR EXISTS (SELECT FROM pg_database WHERE datname = $1) AS has_database
  FROM pg_roles WHERE rolname = current_user`

type Answer = { version: number; name: string; may_create_roles: boolean; has_database: boolean }

/** Throws, in one line, when this is not a Postgres on which this user can make our database and roles. */
export const checkPostgres = async (url: string): Promise<void> => {
  try {
    await withClient(url, async (client) => {
      const { rows } = await client.query<Answer>(question, [databaseName])
      for (const answer of rows) check(answer)
    })
  } catch (cause) {
    throw new UnreachableError('Postgres', 'DATABASE_URL', url, cause)
  }
}

const check = ({ version, name, may_create_roles, has_database }: Answer): void => {
  if (version < oldestVersion)
    throw new Refusal(`it is version ${version}, and ${oldestVersion} is the oldest that will do`)
  const missing = [...(may_create_roles ? [] : ['roles']), ...(has_database ? [] : ['databases'])]
  if (missing.length === 0) return
  throw new Refusal(`the role "${name}" may not create ${missing.join(' and ')}: give one that may, an administrator's`)
}
