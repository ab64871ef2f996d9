import { baseVariables, type ConfigOf, egressAllowVariable, portVariable } from '@onbehalf/service-kit'

export const variables = {
  ...baseVariables,
  PORT: portVariable(4003),
  EGRESS_ALLOW: egressAllowVariable
}

export type Config = ConfigOf<typeof variables>
