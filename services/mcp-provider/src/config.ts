import {
  baseVariables,
  type ConfigOf,
  egressAllowVariable,
  masterKeysVariable,
  portVariable,
  redisVariable,
  signingKeyDaysVariable
} from '@onbehalf/service-kit'

export const variables = {
  ...baseVariables,
  PORT: portVariable(4002),
  REDIS_URL: redisVariable,
  MASTER_KEYS: masterKeysVariable,
  SIGNING_KEY_DAYS: signingKeyDaysVariable,
  EGRESS_ALLOW: egressAllowVariable
}

export type Config = ConfigOf<typeof variables>
