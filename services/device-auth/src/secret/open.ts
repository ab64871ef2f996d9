import { randomBytes } from 'node:crypto'
import type { Vault } from '@onbehalf/vault'
import type { SecretStore } from './store.ts'

/** A secret that all replicas share: made by the first one, read by the others. */
export const openSecret = async (secrets: SecretStore, vault: Vault, name: string): Promise<string> => {
  const place = { tenant_id: 'instance', table: 'instance_secret', column: 'sealed', row: name }
  const stored = await secrets.find(name)
  if (stored) return vault.open(stored, place)
  await secrets.insert(name, await vault.seal(randomBytes(32).toString('base64url'), place))
  const agreed = await secrets.find(name)
  if (agreed) return vault.open(agreed, place)
  throw new Error(`the secret ${name} was stored and is not there`)
}
