import type { KeyRing } from '@onbehalf/vault'
import { databaseTime, openPostgres } from '../postgres.ts'
import { type KeyNeeds, replaceNow, rotateNow } from './rotate.ts'
import { signingKeyStore } from './store.ts'
import type { KeyTables } from './tables.ts'
import { openVault } from './vault.ts'

type Config = { DATABASE_URL: string; MASTER_KEYS: KeyRing }
type Command = (config: Config, given: { args: readonly string[] }) => Promise<string>

/** `rotate-keys` and `rewrap-keys` of a service that signs for these purposes; both while its replicas serve. */
export const keyCommands = (purposes: readonly string[]) => ({
  'rotate-keys': rotateKeys(purposes),
  'rewrap-keys': rewrapKeys
})

const usage = (purposes: readonly string[]) =>
  `use rotate-keys, or rotate-keys with one of ${purposes.join(', ')}, and "leaked" behind that where the old key must not count any more`

const rotateKeys =
  (purposes: readonly string[]): Command =>
  (config, { args: [given, how, ...rest] }) => {
    const chosen = given === undefined ? purposes : purposes.filter((purpose) => purpose === given)
    if (chosen.length === 0 || rest.length > 0 || (how !== undefined && how !== 'leaked'))
      throw new Error(usage(purposes))
    return withKeys(config, async (needs) => {
      const lines: string[] = []
      for (const purpose of chosen) lines.push(await (how === 'leaked' ? replaceAll : rotateAll)(needs, purpose))
      return lines.join('\n')
    })
  }

const rotateAll = async (needs: KeyNeeds, purpose: string): Promise<string> => {
  const owners = await signingKeyStore(needs.db).owners(purpose)
  const rotated = []
  for (const owner of owners) rotated.push(await rotateNow(needs, owner))
  const latest = rotated.map(({ next }) => next.active_from.toISOString()).sort()
  const fresh = rotated.filter(({ isNew }) => isNew).length
  const waiting = rotated.length - fresh
  if (rotated.length === 0) return `${purpose}: there are no keys yet`
  return `${purpose}: keys shown from now on: ${fresh}, already shown: ${waiting}; they sign from ${latest.at(-1)}`
}

const replaceAll = async (needs: KeyNeeds, purpose: string): Promise<string> => {
  const owners = await signingKeyStore(needs.db).owners(purpose)
  for (const owner of owners) await replaceNow(needs, owner)
  return `${purpose}: keys replaced: ${owners.length}; what the old ones signed is refused within 5 minutes`
}

const rewrapKeys: Command = ({ DATABASE_URL, MASTER_KEYS }) =>
  withKeys({ DATABASE_URL, MASTER_KEYS }, async ({ vault }) => {
    const count = await vault.rewrap()
    return `data keys wrapped anew: ${count}; all are wrapped with "${MASTER_KEYS.newestId}" now, the others can leave MASTER_KEYS`
  })

const withKeys = async (
  { DATABASE_URL, MASTER_KEYS }: Config,
  work: (needs: KeyNeeds & { vault: Awaited<ReturnType<typeof openVault>> }) => Promise<string>
): Promise<string> => {
  const { db, close } = await openPostgres<KeyTables>(DATABASE_URL, { max: 2 })
  try {
    const vault = await openVault(db, MASTER_KEYS)
    return await work({ db, vault, now: () => new Date(), decidedAt: () => databaseTime(db) })
  } finally {
    await close()
  }
}
