import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

type Step = { name: string; program: string; args: string[]; repair: string }

const steps: Step[] = [
  {
    name: 'format and lint',
    program: 'biome',
    args: ['ci', '--max-diagnostics=50', ...(process.stdout.isTTY ? [] : ['--colors=off'])],
    repair: 'node_modules/.bin/biome check --write repairs what it can; the rest is named above'
  },
  { name: 'types', program: 'tsc', args: [], repair: 'correct the types named above' },
  {
    name: 'generated files',
    program: 'node',
    args: ['scripts/generate.ts', '--check'],
    repair: 'npm run generate writes them anew'
  },
  {
    name: 'dead code',
    program: 'knip',
    args: ['--no-progress', '--no-config-hints'],
    repair: 'remove what nothing uses, or use it; entry files are listed in knip.json'
  }
]

const root = fileURLToPath(new URL('..', import.meta.url))

const passes = ({ name, program, args, repair }: Step): boolean => {
  const startedAt = performance.now()
  const { status } = spawnSync(`${root}node_modules/.bin/${program}`, args, { cwd: root, stdio: 'inherit' })
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(status === 0 ? `✓ ${name} (${seconds} s)` : `✗ ${name}: ${repair}`)
  return status === 0
}

// Every step runs, so that one look shows all there is to do.
const failed = steps.filter((step) => !passes(step))
if (failed.length > 0) console.log(`failed: ${failed.map(({ name }) => name).join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
