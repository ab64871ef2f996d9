import { parseKeyRing } from '@onbehalf/vault'
import { integer, oneOf, publicOrigin, serverUrl, strongSecret, text, variable } from './config.ts'
import { logLevels } from './logger.ts'
import { addressesWithPorts, natsServers, networks } from './network-variables.ts'

/** What every service reads from its environment. */
export const baseVariables = {
  HOST: text('Address to listen on.', { default: '127.0.0.1' }),
  PUBLIC_URL: publicOrigin('The origin users see, such as https://onbehalf.example.com; every link is made from it.'),
  DATABASE_URL: serverUrl('postgres', 'postgresql')("Postgres, as this service's own role."),
  NATS_URL: natsServers('NATS servers, comma separated.', { default: 'nats://127.0.0.1:4222' }),
  NATS_USER: text("This service's NATS user."),
  NATS_PASSWORD: strongSecret(16)("This service's NATS password.", { isSecret: true }),
  TRUSTED_PROXIES: networks('Addresses or CIDRs whose X-Forwarded-For is believed, comma separated.', { default: [] }),
  LOG_LEVEL: oneOf(...logLevels)('How much is logged: error, warn, info or debug.', { default: 'info' }),
  SHUTDOWN_SECONDS: integer({ min: 1, max: 600 })('How long running work may take after SIGTERM.', { default: 25 })
}

/** Where a service listens. */
export const portVariable = (port: number) =>
  integer({ min: 0, max: 65_535 })('Port to listen on; 0 takes a free one.', { default: port })

export const redisVariable = serverUrl('redis', 'rediss')("Redis, as this service's own ACL user.")
export const redisTimeoutVariable = integer({ min: 50, max: 60_000 })(
  'How many milliseconds Redis has for an answer before it counts as away.',
  { default: 250 }
)

const keyRing = variable(parseKeyRing)
export const masterKeysVariable = keyRing(
  'The key ring that wraps what is stored encrypted: `id:base64 of 32 bytes`, comma separated, newest first.',
  { isSecret: true }
)

export const signingKeyDaysVariable = integer({ min: 1, max: 3650 })(
  'How many days a signing key signs before the next one takes over.',
  { default: 30 }
)

export const egressAllowVariable = addressesWithPorts(
  'Inner addresses that may be called all the same: address:port or CIDR:port, comma separated.',
  { default: '' }
)
