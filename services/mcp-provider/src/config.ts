import {
  baseVariables,
  type ConfigOf,
  egressAllowVariable,
  masterKeysVariable,
  portVariable
} from '@onbehalf/service-kit'

export const variables = {
  ...baseVariables,
  PORT: portVariable(4002),
  MASTER_KEYS: masterKeysVariable,
  EGRESS_ALLOW: egressAllowVariable
}

export type Config = ConfigOf<typeof variables>
