import {
  baseVariables,
  type ConfigOf,
  egressAllowVariable,
  integer,
  list,
  masterKeysVariable,
  portVariable,
  redisTimeoutVariable,
  redisVariable,
  signingKeyDaysVariable,
  text
} from '@onbehalf/service-kit'

export const variables = {
  ...baseVariables,
  PORT: portVariable(4004),
  REDIS_URL: redisVariable,
  REDIS_TIMEOUT_MS: redisTimeoutVariable,
  MASTER_KEYS: masterKeysVariable,
  SIGNING_KEY_DAYS: signingKeyDaysVariable,
  DEVICE_CLIENT_IDS: list('The client_id values that may sign devices in, comma separated.', {
    default: ['onbehalf', 'difyctl']
  }),
  LICENCE_STATE: text(
    'The state of the licence. Single sign-on of people who are no members is open while it is active or expiring, and not there otherwise.',
    { default: 'none' }
  ),
  EGRESS_ALLOW: egressAllowVariable,
  TOKEN_RETENTION_DAYS: integer({ min: 1, max: 3650 })('How many days a token that has ended stays on record.', {
    default: 30
  })
}

export type Config = ConfigOf<typeof variables>
