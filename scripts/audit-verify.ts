import { spawnSync } from 'node:child_process'
import { inRepository } from '@onbehalf/testkit'

// With the variables of tool-invoker; what follows are files that checkpoints were exported to.
const main = inRepository('services/tool-invoker/src/main.ts')
const { status } = spawnSync(process.execPath, [main, 'audit-verify', ...process.argv.slice(2)], { stdio: 'inherit' })
process.exitCode = status ?? 1
