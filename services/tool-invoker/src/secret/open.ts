import type { Vault } from '@onbehalf/vault'
import type { SecretStore } from './store.ts'

type Vaulted = Pick<Vault, 'seal' | 'open'>

/** A secret that all replicas share: made by the first one, read by the others. */
export const openSecret = async (
  secrets: SecretStore,
  vault: Vaulted,
  name: string,
  make: () => string
): Promise<string> => {
  const place = { tenant_id: 'instance', table: 'instance_secret', column: 'sealed', row: name }
  const stored = await secrets.find(name)
  if (stored) return vault.open(stored, place)
  await secrets.insert(name, await vault.seal(make(), place))
  const agreed = await secrets.find(name)
  if (agreed) return vault.open(agreed, place)
  throw new Error(`the secret ${name} was stored and is not there`)
}
