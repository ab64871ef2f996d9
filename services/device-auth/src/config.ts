import {
  baseVariables,
  type ConfigOf,
  list,
  masterKeysVariable,
  portVariable,
  redisVariable,
  signingKeyDaysVariable
} from '@onbehalf/service-kit'

export const variables = {
  ...baseVariables,
  PORT: portVariable(4004),
  REDIS_URL: redisVariable,
  MASTER_KEYS: masterKeysVariable,
  SIGNING_KEY_DAYS: signingKeyDaysVariable,
  DEVICE_CLIENT_IDS: list('The client_id values that may sign devices in, comma separated.', {
    default: ['onbehalf', 'difyctl']
  })
}

export type Config = ConfigOf<typeof variables>
