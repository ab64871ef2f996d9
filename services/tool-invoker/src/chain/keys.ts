import { createPrivateKey, createSecretKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'

/** What records are linked and stated with. Both rest sealed: without MASTER_KEYS the database does not hold them. */
export type ChainKeys = { recordKey: KeyObject; checkpointKey: KeyObject }

type OpenSecret = (secret: { name: string; make: () => string }) => Promise<string>

export const openChainKeys = async (openSecret: OpenSecret): Promise<ChainKeys> => {
  const [record, checkpoint] = await Promise.all([
    openSecret({ name: 'call-records', make: () => randomBytes(32).toString('base64url') }),
    openSecret({ name: 'call-checkpoints', make: makeSigningKey })
  ])
  return { recordKey: createSecretKey(record, 'base64url'), checkpointKey: createPrivateKey(checkpoint) }
}

const makeSigningKey = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
