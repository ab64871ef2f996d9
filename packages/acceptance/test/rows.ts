import { setTimeout as sleep } from 'node:timers/promises'
import { type Platform, withClient } from '@onbehalf/testkit'

const tables = `
  SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
  WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`

/** Every row of every service; when something was last used is left out, which is noted once a minute behind any answer. */
export const rowsOf = ({ databaseUrl }: Pick<Platform, 'databaseUrl'>): Promise<string[]> =>
  withClient(databaseUrl, async (client) => {
    const all: string[] = []
    for (const { name } of (await client.query<{ name: string }>(tables)).rows) {
      const text = `SELECT (to_jsonb(t) - 'last_used_at')::text AS row FROM ${name} t`
      for (const { row } of (await client.query<{ row: string }>(text)).rows) all.push(`${name} ${row}`)
    }
    return all.sort()
  })

// What is put on record behind an answer waits for a second at most.
const quietMs = 1_500

/** The same, when what was asked before is all written. */
export const settledRowsOf = async (platform: Platform): Promise<string[]> => {
  let before = await rowsOf(platform)
  for (;;) {
    await sleep(quietMs)
    const now = await rowsOf(platform)
    if (now.join('\n') === before.join('\n')) return now
    before = now
  }
}
