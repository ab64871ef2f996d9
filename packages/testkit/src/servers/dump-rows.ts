import { createWriteStream } from 'node:fs'
import { escapeIdentifier } from 'pg'
import { withClient } from './database.ts'

const tables = `
  SELECT schemaname, tablename FROM pg_tables
  WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2`

/** Every row of every table as text, for searching it. */
export const dumpRows = (adminUrl: string, file: string): Promise<void> =>
  withClient(adminUrl, async (client) => {
    const output = createWriteStream(file, { mode: 0o600 })
    const found = await client.query<{ schemaname: string; tablename: string }>(tables)
    for (const { schemaname, tablename } of found.rows) {
      const table = `${escapeIdentifier(schemaname)}.${escapeIdentifier(tablename)}`
      const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${table} t`)
      for (const { row } of rows) output.write(`${schemaname}.${tablename} ${row}\n`)
    }
    await new Promise<void>((resolve, reject) => {
      output.once('error', reject)
      output.end(resolve)
    })
  })
