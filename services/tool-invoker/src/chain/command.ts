import { readFile } from 'node:fs/promises'
import { openInstanceSecret, openPostgres, openVault } from '@onbehalf/service-kit'
import type { Config } from '../config.ts'
import type { Database } from '../database.ts'
import { openChainKeys } from './keys.ts'
import { chainStore } from './store.ts'
import { type Verified, verifyRecords } from './verify.ts'

type Given = { args: readonly string[] }

/**
 * `audit-verify`, or `audit-verify FILE…` with the logs that checkpoints were exported to. Throws, naming each place,
 * where records were changed, removed or added.
 */
export const auditVerify = async (
  { DATABASE_URL, MASTER_KEYS }: Pick<Config, 'DATABASE_URL' | 'MASTER_KEYS'>,
  { args }: Given
): Promise<string> => {
  const { db, close } = await openPostgres<Database>(DATABASE_URL, { max: 2 })
  try {
    const vault = await openVault(db, MASTER_KEYS)
    const keys = await openChainKeys((secret) => openInstanceSecret(db, vault, secret))
    const files = await Promise.all(args.map((file) => readFile(file, 'utf8')))
    const found = await verifyRecords({ chain: chainStore(db), ...keys }, files.flatMap(statementsIn))
    const faults = faultsOf(found)
    if (faults.length > 0) throw new Error(faults.join('\n'))
    return `${found.records} records in ${found.chains} chains: nothing was changed, removed or added`
  } finally {
    await close()
  }
}

const statementsIn = (text: string): string[] => text.match(/eyJ[\w-]+\.[\w-]+\.[\w-]{86}/g) ?? []

const faultsOf = ({ findings, loose, forged }: Verified): string[] => [
  ...findings.map(({ tenant_id, writer, words }) => `tenant ${tenant_id}, writer ${writer}: ${words}`),
  ...(loose > 0 ? [`added: ${loose} records are in no chain`] : []),
  ...(forged > 0 ? [`${forged} checkpoints are not signed by us`] : [])
]
