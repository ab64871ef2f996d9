import type { Vault } from '@onbehalf/vault'
import type { Kysely } from 'kysely'
import { LRUCache } from 'lru-cache'
import { databaseTime } from '../postgres.ts'
import type { KeyNeeds } from './rotate.ts'
import { readSigningKeys, type SigningKeyOptions, type SigningKeys } from './signing-keys.ts'
import type { KeyPurpose } from './store.ts'
import type { KeyTables } from './tables.ts'

/** A key that another process made is known here after so long at most; it is shown for much longer before it signs. */
const refreshMs = 30_000
const heldMax = 10_000

type Vaulted = Pick<Vault, 'seal' | 'open'>
type Clocks = Partial<Pick<KeyNeeds, 'now' | 'decidedAt'>>
type Options = Pick<SigningKeyOptions, 'purpose' | 'rotateDays'> & Clocks

/** Keys of the service itself, read again every 30 s until `close`. */
export const openSigningKeys = async (
  db: Kysely<KeyTables>,
  vault: Vaulted,
  { now = () => new Date(), decidedAt = () => databaseTime(db), ...options }: Options
): Promise<SigningKeys & { close: () => void }> => {
  const keys = await readSigningKeys({ db, vault, now, decidedAt }, options)
  // What fails now is tried again: the keys that are held sign until then, and /readyz tells what is away.
  const timer = setInterval(() => void keys.refresh().catch(() => {}), refreshMs).unref()
  return { ...keys, close: () => clearInterval(timer) }
}

/** The keys of a tenant, or of something else that has keys of its own; made when first asked for. */
export type SigningKeysOf = (of: KeyPurpose) => Promise<SigningKeys>

/** Finds keys of many owners. What is known is read again when it is 30 s old, and rotates as far as it is used. */
export const openSigningKeysOf = (
  db: Kysely<KeyTables>,
  vault: Vaulted,
  { rotateDays, now = () => new Date(), decidedAt = () => databaseTime(db) }: Omit<Options, 'purpose'>
): SigningKeysOf => {
  type Held = { keys: Promise<SigningKeys>; readAt: number }
  const held = new LRUCache<string, Held>({ maxSize: heldMax, sizeCalculation: () => 1 })

  const read = (id: string, of: KeyPurpose, known: Held | undefined): Promise<SigningKeys> => {
    const reading = known ? again(known) : readSigningKeys({ db, vault, now, decidedAt }, { ...of, rotateDays })
    const entry = { keys: reading, readAt: now().getTime() }
    held.set(id, entry)
    reading.catch(() => {
      if (held.get(id) === entry) held.delete(id)
    })
    return reading
  }
  return (of) => {
    const id = `${of.tenant_id} ${of.purpose}`
    const known = held.get(id)
    return known && now().getTime() - known.readAt < refreshMs ? known.keys : read(id, of, known)
  }
}

const again = async ({ keys }: { keys: Promise<SigningKeys> }): Promise<SigningKeys> => {
  const known = await keys
  await known.refresh()
  return known
}
