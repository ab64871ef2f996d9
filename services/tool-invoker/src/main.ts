import { keyCommands, runService } from '@onbehalf/service-kit'
import { migrations } from '../migrations/index.ts'
import { buildApp } from './app.ts'
import { auditVerify } from './chain/command.ts'
import { variables } from './config.ts'
import { openResources } from './resources.ts'

const { 'rewrap-keys': rewrapKeys } = keyCommands([])

await runService(
  {
    ...{ service: 'tool-invoker', variables, migrations, openResources, buildApp },
    commands: { 'rewrap-keys': rewrapKeys, 'audit-verify': auditVerify }
  },
  { args: process.argv.slice(2), env: process.env }
)
