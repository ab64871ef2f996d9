import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { inRepository, loadSecrets, removePostgresDirectory, serviceNames, startBacking } from '@onbehalf/testkit'
import { numberOf } from './bench/options.ts'
import { type Bundled, startBundle } from './bench/start-time.ts'

// How long a service takes from its bundle to its first answer (/healthz), and until it is ready for work (/readyz):
// `npm run bench:start -- [runs]`, on a quiet machine. Ends with 1 where the median of the first answer is over the budget.
const budgetMs = 250
const runs = numberOf('npm run bench:start -- RUNS', process.argv[2] ?? 20)
const directory = mkdtempSync('/var/tmp/onbehalf-bench-')
mkdirSync(join(directory, 'logs'))
const secrets = loadSecrets(join(directory, 'secrets.json'))
const backing = await startBacking({ directory, secrets, given: {}, onProgress: () => {} })

const spread = (times: number[]) => {
  const sorted = times.toSorted((one, other) => one - other)
  const at = (share: number) => Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0)
  return { median: at(0.5), words: `best ${at(0)} ms, median ${at(0.5)} ms, p90 ${at(0.9)} ms` }
}

try {
  for (const service of serviceNames) {
    const out = join(directory, service)
    const { status } = spawnSync(process.execPath, [inRepository('scripts/bundle.ts'), service, out], {
      stdio: 'inherit'
    })
    if (status !== 0) throw new Error(`${service} was not bundled`)
    const environment = {
      ...backing.environmentFor(service),
      PUBLIC_URL: 'http://127.0.0.1:4000',
      MASTER_KEYS: secrets.masterKeys[service]
    }
    spawnSync(process.execPath, [join(out, 'main.mjs'), 'migrate'], { env: environment, stdio: 'ignore' })
    const starts: Bundled[] = []
    for (let run = 0; run < runs; run += 1) {
      const started = await startBundle(join(out, 'main.mjs'), environment)
      starts.push(started)
      await started.stop()
    }
    const answered = spread(starts.map(({ answeredMs }) => answeredMs))
    const ready = spread(starts.map(({ readyMs }) => readyMs))
    const isOver = answered.median > budgetMs
    if (isOver) process.exitCode = 1
    console.log(`${service}: ${runs} starts`)
    console.log(`  first answer ${answered.words}${isOver ? `: over the budget of ${budgetMs} ms` : ''}`)
    console.log(`  ready        ${ready.words}`)
  }
} finally {
  await backing.stop()
  removePostgresDirectory(join(directory, 'postgres'))
  rmSync(directory, { recursive: true, force: true })
}
