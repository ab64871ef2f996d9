import {
  baseVariables,
  type ConfigOf,
  egressAllowVariable,
  integer,
  masterKeysVariable,
  portVariable,
  redisTimeoutVariable,
  redisVariable,
  signingKeyDaysVariable
} from '@onbehalf/service-kit'

export const variables = {
  ...baseVariables,
  PORT: portVariable(4002),
  REDIS_URL: redisVariable,
  REDIS_TIMEOUT_MS: redisTimeoutVariable,
  MASTER_KEYS: masterKeysVariable,
  SIGNING_KEY_DAYS: signingKeyDaysVariable,
  EGRESS_ALLOW: egressAllowVariable,
  TOOLS_REFRESH_SECONDS: integer({ min: 60, max: 604_800 })(
    'After how many seconds the tools of a server are listed anew, by any one replica.',
    { default: 3_600 }
  ),
  TOOLS_WATCHES_MAX: integer({ min: 0, max: 200 })(
    'How many servers one replica listens to for changes of their tools, at most, and half of them of one tenant alone; 0 for none.',
    { default: 100 }
  )
}

export type Config = ConfigOf<typeof variables>
