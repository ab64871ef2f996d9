import type { PublicKey, SigningKey } from '@onbehalf/rpc'
import { openKey } from './make-key.ts'
import { type KeyNeeds, tendKeys } from './rotate.ts'
import { currentOf, nextOf } from './schedule.ts'
import type { StoredKey } from './store.ts'

/** The keys of one purpose as this process knows them. */
export type SigningKeys = {
  /** The key to sign with now. Ask each time: it changes while serving. */
  signingKey: () => SigningKey
  /** What verifiers are shown: the keys that sign, that will, and that did not long ago. */
  publicKeys: () => PublicKey[]
  /** Reads the stored keys again, and makes and drops what is due. */
  refresh: () => Promise<void>
}

export type SigningKeyOptions = {
  purpose: string
  /** Whose they are; `instance` when left out. */
  tenant_id?: string
  /** How long a key signs. */
  rotateDays: number
}

type Held = StoredKey & { signing: SigningKey | undefined }

/** Opens the stored keys of a purpose. Throws where one of them cannot be opened: then nothing is signed or replaced. */
export const readSigningKeys = async (
  needs: KeyNeeds,
  { purpose, tenant_id = 'instance', rotateDays }: SigningKeyOptions
): Promise<SigningKeys> => {
  let held: Held[] = []

  const hold = async (keys: StoredKey[]): Promise<Held[]> => {
    const known = new Map(held.map(({ id, signing }) => [id, signing]))
    const now = needs.now()
    const needed = new Set([currentOf(keys, now)?.id, nextOf(keys, now)?.id])
    const open = async (key: StoredKey) =>
      known.get(key.id) ?? (needed.has(key.id) ? await openKey(needs.vault, tenant_id, key) : undefined)
    return Promise.all(keys.map(async (key) => ({ ...key, signing: await open(key) })))
  }
  const refresh = async () => {
    held = await hold(await tendKeys(needs, { purpose, tenant_id }, rotateDays * 86_400))
  }

  await refresh()
  return {
    signingKey: () => {
      const signing = currentOf(held, needs.now())?.signing
      if (signing) return signing
      throw new Error(`no key to sign a ${purpose} with`)
    },
    publicKeys: () => held.map(({ public_jwk }) => public_jwk),
    refresh
  }
}
