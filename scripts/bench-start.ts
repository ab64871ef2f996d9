import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { inRepository, loadSecrets, removePostgresDirectory, serviceNames, startBacking } from '@onbehalf/testkit'
import { asItIs, startMs } from './bench/start-time.ts'

// How long a service takes from its bundle to its first answer: `npm run bench:start -- [runs]`, on a quiet machine.
// Ends with 1 where a median is over the budget.
const budgetMs = 250
const runs = Number(process.argv[2] ?? 20)
const directory = mkdtempSync('/var/tmp/onbehalf-bench-')
mkdirSync(join(directory, 'logs'))
const secrets = loadSecrets(join(directory, 'secrets.json'))
const backing = await startBacking({ directory, secrets, given: {}, onProgress: () => {} })

const at = (sorted: number[], share: number) => Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0)

try {
  for (const service of serviceNames) {
    const out = join(directory, service)
    const { status } = spawnSync(...asItIs([inRepository('scripts/bundle.ts'), service, out]), { stdio: 'inherit' })
    if (status !== 0) throw new Error(`${service} was not bundled`)
    const environment = {
      ...backing.environmentFor(service),
      PUBLIC_URL: 'http://127.0.0.1:4000',
      MASTER_KEYS: secrets.masterKeys[service]
    }
    spawnSync(...asItIs([join(out, 'main.mjs'), 'migrate']), { env: environment, stdio: 'ignore' })
    const times: number[] = []
    for (let run = 0; run < runs; run += 1) times.push(await startMs(join(out, 'main.mjs'), environment))
    times.sort((one, other) => one - other)
    const line = `best ${at(times, 0)} ms, median ${at(times, 0.5)} ms, p90 ${at(times, 0.9)} ms`
    const isOver = at(times, 0.5) > budgetMs
    console.log(`${service.padEnd(16)} ${line} (${runs} starts)${isOver ? `, over the budget of ${budgetMs} ms` : ''}`)
    if (isOver) process.exitCode = 1
  }
} finally {
  await backing.stop()
  removePostgresDirectory(join(directory, 'postgres'))
  rmSync(directory, { recursive: true, force: true })
}
