import { type ServiceName, serviceNames } from '@onbehalf/contracts'

export { type ServiceName, serviceNames }

/** `identity-broker` → `IDENTITY_BROKER`, the start of its variables. */
export const variablePrefix = (service: ServiceName): string => service.replaceAll('-', '_').toUpperCase()

/** `identity-broker` → `identity_broker`, its role and its schema. */
export const roleName = (service: ServiceName): string => service.replaceAll('-', '_')

export const perService = <Value>(value: (service: ServiceName) => Value): Record<ServiceName, Value> => ({
  'identity-broker': value('identity-broker'),
  'mcp-provider': value('mcp-provider'),
  'tool-invoker': value('tool-invoker'),
  'device-auth': value('device-auth')
})
