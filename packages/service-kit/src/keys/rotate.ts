import type { Vault } from '@onbehalf/vault'
import type { Kysely } from 'kysely'
import { makeKey } from './make-key.ts'
import { activeFrom, isDue, nextOf, outdatedOf } from './schedule.ts'
import { type KeyPurpose, type StoredKey, signingKeyStore, whileAlone } from './store.ts'
import type { KeyTables } from './tables.ts'

export type KeyNeeds = {
  db: Kysely<KeyTables>
  vault: Pick<Vault, 'seal' | 'open'>
  /** The clock by which this process signs, and looks whether there may be something to do. */
  now: () => Date
  /** The clock by which keys are made and dropped, the same for all replicas. */
  decidedAt: () => Promise<Date>
}

/**
 * The stored keys after everything that is due now: the first where there is none, the next one shown in time, and
 * those dropped that nothing valid was signed with. Replicas that come at once take turns and find it done.
 */
export const tendKeys = async (needs: KeyNeeds, of: KeyPurpose, rotateSeconds: number): Promise<StoredKey[]> => {
  const { db, vault, now, decidedAt } = needs
  const held = await signingKeyStore(db).list(of)
  const isWanting = (keys: StoredKey[]) =>
    keys.length === 0 || isDue(keys, now(), rotateSeconds) || outdatedOf(keys, now()).length > 0
  if (!isWanting(held)) return held
  // Before the turn is taken, which holds a connection: a tenant's first data key is made on another one.
  const [made, time] = await Promise.all([makeKey(vault, of.tenant_id), decidedAt()])
  return whileAlone(db, of, async (store) => {
    const keys = await store.list(of)
    if (keys.length === 0) await store.insert(of, { ...made, active_from: time })
    else if (isDue(keys, time, rotateSeconds)) await store.insert(of, { ...made, active_from: activeFrom(time) })
    await store.delete(outdatedOf(keys, time).map(({ id }) => id))
    return store.list(of)
  })
}

/** Shows the next key now, whatever the schedule says; the one that already waits where there is one. */
export const rotateNow = async (
  { db, vault, decidedAt }: KeyNeeds,
  of: KeyPurpose
): Promise<{ next: StoredKey; isNew: boolean }> => {
  const [made, time] = await Promise.all([makeKey(vault, of.tenant_id), decidedAt()])
  return whileAlone(db, of, async (store) => {
    const keys = await store.list(of)
    const waiting = nextOf(keys, time)
    if (waiting) return { next: waiting, isNew: false }
    const next = { ...made, active_from: keys.length === 0 ? time : activeFrom(time) }
    await store.insert(of, next)
    return { next, isNew: true }
  })
}

/** For a key that leaked: another one signs from now on, and all older ones are worth nothing. */
export const replaceNow = async ({ db, vault, decidedAt }: KeyNeeds, of: KeyPurpose): Promise<StoredKey> => {
  const [made, active_from] = await Promise.all([makeKey(vault, of.tenant_id), decidedAt()])
  return whileAlone(db, of, async (store) => {
    const old = await store.list(of)
    const key = { ...made, active_from }
    await store.delete(old.map(({ id }) => id))
    await store.insert(of, key)
    return key
  })
}
