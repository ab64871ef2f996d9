import { keyCommands, runService } from '@onbehalf/service-kit'
import { migrations } from '../migrations/index.ts'
import { buildApp } from './app.ts'
import { variables } from './config.ts'
import { openResources } from './resources.ts'

await runService(
  {
    service: 'mcp-provider',
    variables,
    migrations,
    openResources,
    buildApp,
    commands: keyCommands(['ticket', 'oauth_client'])
  },
  { args: process.argv.slice(2), env: process.env }
)
