import { Resolver } from 'node:dns'
import {
  baseVariables,
  type ConfigOf,
  egressAllowVariable,
  integer,
  masterKeysVariable,
  portVariable,
  redisTimeoutVariable,
  redisVariable,
  signingKeyDaysVariable,
  variable
} from '@onbehalf/service-kit'

const nameServers = variable((given) => {
  const servers = given.split(',').flatMap((one) => one.trim() || [])
  try {
    new Resolver().setServers(servers)
  } catch {
    throw new Error('must be addresses such as 10.0.0.53 or 10.0.0.53:5353, comma separated')
  }
  return servers
})

export const variables = {
  ...baseVariables,
  PORT: portVariable(4001),
  INNER_PORT: integer({ min: 0, max: 65_535 })(
    'Port of the inner listener for /inner/api; 0 keeps it closed. Never route the gateway to it.',
    { default: 0 }
  ),
  SESSION_SECONDS: integer({ min: 600, max: 30 * 86_400 })(
    'How long somebody stays signed in at most, however often the session is renewed.',
    { default: 12 * 3_600 }
  ),
  SESSION_IDLE_SECONDS: integer({ min: 600, max: 30 * 86_400 })(
    'How long somebody stays signed in whose browser does not come back.',
    { default: 2 * 3_600 }
  ),
  REDIS_URL: redisVariable,
  REDIS_TIMEOUT_MS: redisTimeoutVariable,
  MASTER_KEYS: masterKeysVariable,
  IDP_TIMEOUT_SECONDS: integer({ min: 1, max: 60 })(
    'How long an identity provider may take to answer a refresh; what it answers later is lost.',
    { default: 10 }
  ),
  SIGNING_KEY_DAYS: signingKeyDaysVariable,
  EGRESS_ALLOW: egressAllowVariable,
  ISSUANCE_DAYS: integer({ min: 0, max: 36_500 })(
    'How long it is remembered who was given a token to act as whom; 0 is for ever.',
    { default: 90 }
  ),
  DNS_SERVERS: nameServers(
    'Name servers to ask for proofs of e-mail domains: address or address:port, comma separated; empty takes those of the system.',
    { default: [] }
  )
}

export type Config = ConfigOf<typeof variables>
