import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { randomPassword } from '../servers/random-password.ts'
import { perService, type ServiceName } from '../servers/service-names.ts'

/** Every secret of one local installation; made at its first start and kept in its data directory. */
export type PlatformSecrets = {
  databasePasswords: Record<ServiceName, string>
  natsPasswords: Record<ServiceName, string>
  redisPasswords: Record<ServiceName, string>
  masterKeys: Record<ServiceName, string>
  clientSecret: string
  apiKey: string
  installationSecret: string
}

const masterKey = () => `k1:${randomBytes(32).toString('base64')}`

const makeSecrets = (): PlatformSecrets => ({
  databasePasswords: perService(randomPassword),
  natsPasswords: perService(randomPassword),
  redisPasswords: perService(randomPassword),
  masterKeys: perService(masterKey),
  clientSecret: randomPassword(),
  apiKey: `obk_${randomBytes(32).toString('base64url')}`,
  installationSecret: randomBytes(32).toString('base64url')
})

/** The secrets in `file`, made when there is none; only its owner can read it. */
export const loadSecrets = (file: string): PlatformSecrets => {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'))
  const secrets = makeSecrets()
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  writeFileSync(file, JSON.stringify(secrets, null, 2), { mode: 0o600 })
  return secrets
}

/** Each secret text, for the search after a test run. */
export const everySecret = (secrets: PlatformSecrets): string[] => [
  ...Object.values(secrets.databasePasswords),
  ...Object.values(secrets.natsPasswords),
  ...Object.values(secrets.redisPasswords),
  ...Object.values(secrets.masterKeys).map((key) => key.slice('k1:'.length)),
  secrets.clientSecret,
  secrets.apiKey,
  secrets.installationSecret
]
