import { join } from 'node:path'
import type { Io } from '../io.ts'
import { directoryOf, readJson, writeJson } from './directory.ts'

/** Where a token lies: in the system's keychain, or in a file that its owner alone can read. */
export type Place = 'keychain' | 'file'

const service = 'onbehalf'
const file = 'tokens.json'

type Keychain = {
  get: (key: string) => string | null
  set: (key: string, token: string) => void
  forget: (key: string) => void
}

const openKeychain = async ({ env }: Io): Promise<Keychain | undefined> => {
  if (env.ONBEHALF_TOKEN_STORE === 'file') return undefined
  try {
    const { Entry } = await import('@napi-rs/keyring')
    return {
      get: (key) => new Entry(service, key).getPassword(),
      set: (key, token) => new Entry(service, key).setPassword(token),
      forget: (key) => void new Entry(service, key).deletePassword()
    }
  } catch {
    return undefined
  }
}

const tokensIn = (io: Io): Record<string, string> => {
  const stored = readJson(join(directoryOf(io), file))
  return typeof stored === 'object' && stored !== null
    ? Object.fromEntries(Object.entries(stored).map(([key, token]) => [key, String(token)]))
    : {}
}

/** Keeps a token, in the keychain where there is one that gives back what it is given. */
export const keepToken = async (io: Io, key: string, token: string): Promise<Place> => {
  const keychain = await openKeychain(io)
  try {
    keychain?.set(key, token)
    if (keychain?.get(key) === token) return 'keychain'
  } catch {
    // A machine without a desktop has the library and no keychain.
  }
  writeJson(directoryOf(io), file, { ...tokensIn(io), [key]: token })
  return 'file'
}

export const findToken = async (io: Io, key: string, place: Place): Promise<string | undefined> =>
  place === 'file' ? tokensIn(io)[key] : ((await openKeychain(io))?.get(key) ?? undefined)

export const forgetToken = async (io: Io, key: string, place: Place): Promise<void> => {
  if (place === 'keychain') return (await openKeychain(io))?.forget(key)
  const { [key]: _gone, ...others } = tokensIn(io)
  writeJson(directoryOf(io), file, others)
}
