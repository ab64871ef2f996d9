import { keyCommands, runService } from '@onbehalf/service-kit'
import { migrations } from '../migrations/index.ts'
import { buildApp } from './app.ts'
import { variables } from './config.ts'
import { openResources } from './resources.ts'

await runService(
  {
    service: 'device-auth',
    variables,
    migrations,
    openResources,
    buildApp,
    commands: keyCommands(['ticket', 'device-sso'])
  },
  { args: process.argv.slice(2), env: process.env }
)
