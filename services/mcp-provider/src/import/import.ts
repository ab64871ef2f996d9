import { type ErrorDetail, ReportedError } from '@onbehalf/errors'
import type { Asker } from '../asker.ts'
import { settingsOf } from '../providers/apply-change.ts'
import { checkSettings } from '../providers/check.ts'
import { newRowOf, storeNew } from '../providers/create.ts'
import type { Desk } from '../providers/desk.ts'
import { findProvider } from '../providers/read.ts'
import { openProvider } from '../providers/secrets.ts'
import type { NewProvider } from '../providers/shapes.ts'
import { readEntry } from './read-entry.ts'
import type { Entry, ImportFile, ImportReport } from './shapes.ts'

type Read = { entry: string; given: NewProvider }

/**
 * Registers every server of a file that is not disabled there, or none of them: then the refusal names each entry that stands in the way. The tools
 * are listed once all are stored.
 */
export const importProviders = async (desk: Desk, asker: Asker, file: ImportFile): Promise<ImportReport> => {
  const { wanted, skipped } = sortOut(file)
  if (wanted.length === 0) return { data: [], skipped }
  const { entries, faults } = await readEntries(desk, wanted)
  const made = await Promise.all(
    entries.map(async ({ entry, given }) => ({ entry, ...(await newRowOf(desk, asker, given, settingsOf(given))) }))
  )
  const taken = await desk.providers.findTaken(
    asker.tenant_id,
    made.map(({ row }) => row)
  )
  const all = [
    ...faults,
    ...made.flatMap(({ entry, row }) => faultsOfTaken(entry, row, [...taken, ...othersOf(made, row)]))
  ]
  if (all.length > 0) throw refused(all, wanted.length)

  const rows = await storeNew(desk, asker, made)
  for (const row of rows) desk.publish(row)
  const opened = await Promise.all(rows.map((row) => openProvider(desk.vault, row)))
  await Promise.all(opened.map((provider) => desk.refreshTools(provider, asker)))
  const data = await Promise.all(
    made.map(async ({ entry, row }) => {
      const { id, settings, tools_status, tools_error } = await findProvider(desk, asker.tenant_id, row.id)
      const { name, server_identifier } = settings
      return { entry, id, name, server_identifier, tools_status, tools_error }
    })
  )
  return { data, skipped }
}

const sortOut = ({ mcpServers }: ImportFile) => {
  const isUnused = ([, { disabled, enabled }]: [string, Entry]) => disabled === true || enabled === false
  const all = Object.entries(mcpServers)
  const skipped = all.filter(isUnused).map(([entry]) => ({ entry, reason: 'is disabled in the file' }))
  return { wanted: all.filter((one) => !isUnused(one)), skipped }
}

const readEntries = async ({ checkReachable }: Pick<Desk, 'checkReachable'>, wanted: [string, Entry][]) => {
  const entries: Read[] = []
  const faults: ErrorDetail[] = []
  for (const [entry, value] of wanted) {
    const given = readEntry(entry, value)
    const fault = typeof given === 'string' ? given : await faultOf(given, checkReachable)
    if (fault !== undefined) faults.push({ path: pathOf(entry), message: fault })
    else if (typeof given !== 'string') entries.push({ entry, given })
  }
  return { entries, faults }
}

/** What the check of a new provider says of it. */
const faultOf = async (given: NewProvider, checkReachable: Desk['checkReachable']): Promise<string | undefined> => {
  try {
    await checkSettings(settingsOf(given), undefined, checkReachable)
    return undefined
  } catch (error) {
    if (error instanceof ReportedError) return error.message
    throw error
  }
}

type Unique = { id: string; name: string; server_identifier: string; server_url_hash: string }

const fields = { name: 'name', server_identifier: 'identifier', server_url_hash: 'url' } as const

const othersOf = (made: readonly { row: Unique }[], own: Unique): Unique[] =>
  made.map(({ row }) => row).filter((row) => row !== own)

const faultsOfTaken = (entry: string, row: Unique, others: readonly Omit<Unique, 'id'>[]): ErrorDetail[] =>
  (['name', 'server_identifier', 'server_url_hash'] as const)
    .filter((field) => others.some((other) => other[field] === row[field]))
    .map((field) => ({ path: pathOf(entry), message: `has the ${fields[field]} of another server` }))

const pathOf = (entry: string): string => `mcpServers.${entry.slice(0, 100)}`

const refused = (details: ErrorDetail[], total: number) =>
  new ReportedError('invalid_request', `Nothing was imported: of ${total} servers these cannot be.`, { details })
