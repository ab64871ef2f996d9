import { type Measured, processorMs, processorMsOfAll } from './processor.ts'

export type Figures = {
  perSecond: number
  /** Milliseconds. */
  p50: number
  p99: number
  /** Processor time of the measured process for one answer, in microseconds. */
  cpuMicroseconds: number
  /** Of how much of a core each of the others took, from 0 to 1. */
  shares: { name: string; share: number }[]
  /** How many questions failed, by what was answered. */
  failures: ReadonlyMap<string, number>
}

/**
 * What is measured begins after `warmUp` questions, or after as many as there was time for; with more of them in flight
 * the code is warm sooner.
 */
export type Load = {
  inFlight: number
  seconds: number
  warmUp: { questions: number; secondsMax: number; inFlight?: number }
}

/** When to begin no question any more; or sooner, after so many. */
export type Until = { endsAt: number; questions?: number }

/** How long each took, in milliseconds. */
export type Asked = { times: number[]; failures: Map<string, number> }

/** Keeps `inFlight` questions open until then. */
export type Asking = (until: Until, inFlight: number) => Promise<Asked>

/** Asks by calling a function. */
export const askBy =
  (ask: () => Promise<unknown>): Asking =>
  async ({ endsAt, questions = Number.POSITIVE_INFINITY }, inFlight) => {
    const times: number[] = []
    const failures = new Map<string, number>()
    const one = async () => {
      while (performance.now() < endsAt && times.length < questions) {
        const startedAt = performance.now()
        await ask().catch((error: unknown) => {
          const said = error instanceof Error && 'code' in error ? String(error.code) : String(error)
          failures.set(said, (failures.get(said) ?? 0) + 1)
        })
        times.push(performance.now() - startedAt)
      }
    }
    await Promise.all(Array.from({ length: inFlight }, one))
    return { times, failures }
  }

/** Asks unmeasured until the code is warm, then for `seconds`; `others` are told by how much of a core they took meanwhile. */
export const measure = async (
  pid: number,
  others: readonly Measured[],
  ask: Asking,
  { inFlight, seconds, warmUp }: Load
): Promise<Figures> => {
  const { questions, secondsMax } = warmUp
  await ask({ endsAt: performance.now() + secondsMax * 1000, questions }, warmUp.inFlight ?? inFlight)
  const spent = others.map((other) => processorMsOfAll(other.pid))
  const [startedAt, cpuBefore, ownBefore] = [performance.now(), processorMs(pid), process.cpuUsage()]
  const { times, failures } = await ask({ endsAt: startedAt + seconds * 1000 }, inFlight)
  const elapsed = performance.now() - startedAt
  const own = process.cpuUsage(ownBefore)
  const sorted = times.toSorted((one, other) => one - other)
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN
  return {
    perSecond: (sorted.length / elapsed) * 1000,
    ...{ p50: at(0.5), p99: at(0.99), failures },
    cpuMicroseconds: ((processorMs(pid) - cpuBefore) / sorted.length) * 1000,
    shares: [
      { name: 'load', share: (own.user + own.system) / 1000 / elapsed },
      ...others.map((other, index) => ({
        name: other.name,
        share: (processorMsOfAll(other.pid) - (spent[index] ?? 0)) / elapsed
      }))
    ]
  }
}

export const lineOf = (name: string, figures: Figures): string => {
  const { perSecond, p50, p99, cpuMicroseconds, shares, failures } = figures
  return [
    name.padEnd(26),
    `${Math.round(perSecond).toLocaleString('en')}/s`.padStart(9),
    `p50 ${p50.toFixed(2)} ms`.padStart(13),
    `p99 ${p99.toFixed(2)} ms`.padStart(14),
    `${cpuMicroseconds.toFixed(0)} µs CPU`.padStart(12),
    `${((perSecond * cpuMicroseconds) / 10_000).toFixed(0)} % of its core`.padStart(18),
    `  (${shares.map(({ name: other, share }) => `${other} ${Math.round(share * 100)} %`).join(', ')})`,
    ...[...failures].map(([said, times]) => `${times} FAILED: ${said}`)
  ].join(' ')
}
