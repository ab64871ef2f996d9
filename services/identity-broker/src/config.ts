import {
  baseVariables,
  type ConfigOf,
  egressAllowVariable,
  integer,
  masterKeysVariable,
  portVariable,
  redisVariable
} from '@onbehalf/service-kit'

export const variables = {
  ...baseVariables,
  PORT: portVariable(4001),
  INNER_PORT: integer({ min: 0, max: 65_535 })(
    'Port of the inner listener for /inner/api; 0 keeps it closed. Never route the gateway to it.',
    { default: 0 }
  ),
  REDIS_URL: redisVariable,
  MASTER_KEYS: masterKeysVariable,
  IDP_TIMEOUT_SECONDS: integer({ min: 1, max: 60 })(
    'How long an identity provider may take to answer a refresh; what it answers later is lost.',
    { default: 10 }
  ),
  EGRESS_ALLOW: egressAllowVariable
}

export type Config = ConfigOf<typeof variables>
