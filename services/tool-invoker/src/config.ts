import {
  baseVariables,
  type ConfigOf,
  egressAllowVariable,
  integer,
  masterKeysVariable,
  oneOf,
  portVariable,
  redisTimeoutVariable,
  redisVariable
} from '@onbehalf/service-kit'

const callsPerMinute = integer({ min: 0, max: 100_000_000 })

export const variables = {
  ...baseVariables,
  PORT: portVariable(4003),
  REDIS_URL: redisVariable,
  REDIS_TIMEOUT_MS: redisTimeoutVariable,
  MASTER_KEYS: masterKeysVariable,
  EGRESS_ALLOW: egressAllowVariable,
  AUDIT_MODE: oneOf('batched', 'strict')('strict: each call is on record before its MCP server is asked.', {
    default: 'batched'
  }),
  CALL_MONTHS: integer({ min: 0, max: 1_200 })('For how many full months records of calls are kept; 0 is for ever.', {
    default: 13
  }),
  IDEMPOTENT_ANSWERS_MEGABYTES: integer({ min: 1, max: 1_000_000 })(
    'How many megabytes of answers are kept for the Idempotency-Keys of one tenant; those beyond are let go of, the oldest first.',
    { default: 256 }
  ),
  HELD_ANSWERS_MEGABYTES: integer({ min: 1, max: 1_000_000 })(
    'How many megabytes of large answers of MCP servers a replica holds at once; in memory they take up to seven times of it.',
    { default: 128 }
  ),
  PRINCIPAL_CALLS_PER_MINUTE: callsPerMinute(
    'How many calls and lists of tools one user or app may ask for in a minute; 0 is any number.',
    {
      default: 6_000
    }
  ),
  TENANT_CALLS_PER_MINUTE: callsPerMinute(
    'How many calls and lists of tools one tenant may ask for in a minute; 0 is any number.',
    {
      default: 60_000
    }
  ),
  PROVIDER_CALLS_PER_MINUTE: callsPerMinute(
    'How many calls and lists of tools one MCP server may be asked for in a minute; 0 is any number.',
    {
      default: 60_000
    }
  )
}

export type Config = ConfigOf<typeof variables>
