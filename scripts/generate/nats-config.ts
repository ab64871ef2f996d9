import { permissionsOf, type ServiceName, serviceNames } from '@onbehalf/contracts'

const variableOf = (service: ServiceName) => `$${service.toUpperCase().replaceAll('-', '_')}_NATS_PASSWORD`
const subjects = (list: readonly string[]) => `[${list.map((subject) => `"${subject}"`).join(', ')}]`

const userOf = (service: ServiceName): string => {
  const { publish, subscribe } = permissionsOf(service)
  return `    {
      user: ${service}
      password: ${variableOf(service)}
      permissions: {
        publish: { allow: ${subjects(publish)} }
        subscribe: { allow: ${subjects(subscribe)} }
      }
    }`
}

/** infra/nats/nats.conf: one user per service, allowed what the contracts say and nothing else. */
export const natsConfig = (): string => `# Generated from packages/contracts by \`npm run generate\`; do not edit.
# Passwords come from the environment. Port and address are given on the command line.
max_payload: 1MB
authorization: {
  timeout: 3
  users: [
${serviceNames.map(userOf).join('\n')}
  ]
}
`
