import { newId, openInstanceSecret, openPostgres } from '@onbehalf/service-kit'
import type { TestContext } from '@onbehalf/testkit'
import pg from 'pg'
import { beginRow } from '../../../src/calls/record.ts'
import { auditVerify } from '../../../src/chain/command.ts'
import { openChainKeys } from '../../../src/chain/keys.ts'
import { createChains, type Linked } from '../../../src/chain/link.ts'
import type { Database } from '../../../src/database.ts'
import { startStage } from '../../stage.ts'

export type Setting = Awaited<ReturnType<typeof startSetting>>

/** The service, its records, and somebody who can do anything at all to the database, as the service cannot. */
export const startSetting = async (t: TestContext) => {
  const stage = await startStage(t)
  const { resources } = stage
  const admin = new pg.Client({ connectionString: stage.backends.adminDatabaseUrl })
  await admin.connect()
  await admin.query('set search_path to tool_invoker')
  await admin.query('set session_replication_role to replica')
  const { db, close } = await openPostgres<Database>(resources.config.DATABASE_URL)
  const chainKeys = await openChainKeys((secret) => openInstanceSecret(db, resources.vault, secret))
  t.teardown(async () => {
    await Promise.all([admin.end(), close()])
  })

  /** Writes records of a tenant at these times, in a chain of their own. */
  const write = async (tenant_id: string, times: readonly Date[]): Promise<Linked[]> => {
    const link = createChains(chainKeys.recordKey, newId)
    const credential = { kind: 'session', id: newId() } as const
    const principal = { kind: 'user', tenant_id, user_id: newId(), role: null, credential } as const
    const asked = { server_identifier: 'of-the-test', tool: 'x', arguments: {} }
    const rows = times.map((time) => link(beginRow(principal, asked, time)))
    await resources.calls.insert(rows)
    return rows
  }

  /** What audit:verify says, in the end. */
  const verify = (...args: string[]): Promise<string> =>
    auditVerify(resources.config, { args }).catch((error: unknown) => String(error))
  /** The same after something was done to the tables, which is undone then. */
  const verifyAfter = async (statements: string[], ...args: string[]): Promise<string> => {
    for (const table of ['call', 'call_checkpoint']) await admin.query(`create table kept_${table} as table ${table}`)
    for (const statement of statements) await admin.query(statement)
    const words = await verify(...args)
    for (const table of ['call', 'call_checkpoint']) {
      await admin.query(`delete from ${table}`)
      await admin.query(`insert into ${table} table kept_${table}`)
      await admin.query(`drop table kept_${table}`)
    }
    return words
  }

  return { stage, admin, db, chainKeys, write, verify, verifyAfter }
}
