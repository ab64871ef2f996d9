import { readFileSync } from 'node:fs'

export type Figures = {
  perSecond: number
  /** Milliseconds. */
  p50: number
  p99: number
  /** CPU time of the measured process for one answer, in microseconds. */
  cpuMicroseconds: number
  failures: number
}

// Linux counts in hundredths of a second (sysconf(_SC_CLK_TCK)).
const cpuMilliseconds = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

export const residentMegabytes = (pid: number): number => {
  const [, kilobytes = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Math.round(Number(kilobytes) / 1024)
}

/** Keeps `inFlight` questions open for `seconds`, after a warm-up of a quarter of that, and measures. */
export const measure = async (
  pid: number,
  ask: () => Promise<unknown>,
  { inFlight, seconds }: { inFlight: number; seconds: number }
): Promise<Figures> => {
  const times: number[] = []
  let failures = 0
  const until = async (end: number): Promise<void> => {
    const one = async () => {
      while (performance.now() < end) {
        const startedAt = performance.now()
        await ask().catch(() => {
          failures += 1
        })
        times.push(performance.now() - startedAt)
      }
    }
    await Promise.all(Array.from({ length: inFlight }, one))
  }
  await until(performance.now() + seconds * 250)
  times.length = 0
  failures = 0
  const [startedAt, cpuBefore] = [performance.now(), cpuMilliseconds(pid)]
  await until(startedAt + seconds * 1000)
  const elapsed = performance.now() - startedAt
  const cpu = cpuMilliseconds(pid) - cpuBefore
  const sorted = times.toSorted((one, other) => one - other)
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN
  return {
    perSecond: (sorted.length / elapsed) * 1000,
    p50: at(0.5),
    p99: at(0.99),
    cpuMicroseconds: (cpu / sorted.length) * 1000,
    failures
  }
}

export const lineOf = (name: string, { perSecond, p50, p99, cpuMicroseconds, failures }: Figures): string =>
  [
    name.padEnd(34),
    `${Math.round(perSecond).toLocaleString('en')}/s`.padStart(10),
    `p50 ${p50.toFixed(2)} ms`.padStart(14),
    `p99 ${p99.toFixed(2)} ms`.padStart(15),
    `${cpuMicroseconds.toFixed(0)} µs CPU`.padStart(12),
    failures > 0 ? `${failures} FAILED` : ''
  ].join(' ')
