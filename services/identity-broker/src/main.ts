import { keyCommands, runService } from '@onbehalf/service-kit'
import { migrations } from '../migrations/index.ts'
import { buildApp } from './app.ts'
import { openService } from './assemble.ts'
import { applyBootstrapFile } from './bootstrap/apply.ts'
import { variables } from './config.ts'
import { manageDomains } from './domains/manage.ts'
import { buildInnerApp } from './inner-app.ts'
import { manageInstallations } from './installations/manage.ts'

await runService(
  {
    service: 'identity-broker',
    variables,
    migrations,
    openResources: openService,
    buildApp,
    inner: { buildApp: buildInnerApp, portOf: ({ INNER_PORT }) => INNER_PORT },
    commands: {
      bootstrap: applyBootstrapFile,
      domain: manageDomains,
      installation: manageInstallations,
      ...keyCommands(['ticket', 'session', 'connect', 'device-sso', 'issuer', 'connection'])
    }
  },
  { args: process.argv.slice(2), env: process.env }
)
