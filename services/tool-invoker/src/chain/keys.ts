import { createPrivateKey, createSecretKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import type { Vault } from '@onbehalf/vault'
import { openSecret } from '../secret/open.ts'
import type { SecretStore } from '../secret/store.ts'

/** What records are linked and stated with. Both rest sealed: without MASTER_KEYS the database does not hold them. */
export type ChainKeys = { recordKey: KeyObject; checkpointKey: KeyObject }

export const openChainKeys = async (secrets: SecretStore, vault: Pick<Vault, 'seal' | 'open'>): Promise<ChainKeys> => {
  const [record, checkpoint] = await Promise.all([
    openSecret(secrets, vault, 'call-records', () => randomBytes(32).toString('base64url')),
    openSecret(secrets, vault, 'call-checkpoints', makeSigningKey)
  ])
  return { recordKey: createSecretKey(record, 'base64url'), checkpointKey: createPrivateKey(checkpoint) }
}

const makeSigningKey = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
