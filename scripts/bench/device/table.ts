import type { Figures } from '../load.ts'

/** Begins a part of the table. */
export const headOf = (what: string): string =>
  [
    `\n${what}`.padEnd(41),
    'per second'.padStart(11),
    'p50 ms'.padStart(8),
    'p99 ms'.padStart(8),
    'µs CPU'.padStart(8),
    'with Redis'.padStart(11),
    '  of a core'
  ].join(' ')

/** One line of it: `µs CPU` is what one answer cost this process, `with Redis` what it cost the measured core. */
export const lineOf = (kind: string, inFlight: number, figures: Figures): string => {
  const { perSecond, p50, p99, cpuMicroseconds, shares, failures } = figures
  const redis = shares.find(({ name }) => name === 'Redis')?.share ?? 0
  return [
    `${kind}, ${inFlight} in flight`.padEnd(40),
    Math.round(perSecond).toLocaleString('en').padStart(11),
    p50.toFixed(2).padStart(8),
    p99.toFixed(2).padStart(8),
    cpuMicroseconds.toFixed(0).padStart(8),
    (cpuMicroseconds + (redis / perSecond) * 1_000_000).toFixed(0).padStart(11),
    `  (${shares.map(({ name, share }) => `${name === 'load' ? 'device-auth' : name} ${Math.round(share * 100)} %`).join(', ')})`,
    ...[...failures].map(([said, times]) => `${times} FAILED: ${said}`)
  ].join(' ')
}
