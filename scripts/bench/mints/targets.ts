import type { Figures } from '../load.ts'

type Measured = Pick<Figures, 'perSecond' | 'p50' | 'p99'> & { idpMs: number }
type Target = { kind: string; inFlight: number; says: string; isMet: (measured: Measured) => boolean }

const targets: readonly Target[] = [
  { kind: 'cached', inFlight: 32, says: '20,000/s', isMet: ({ perSecond }) => perSecond >= 20_000 },
  { kind: 'signed', inFlight: 32, says: '12,000/s', isMet: ({ perSecond }) => perSecond >= 12_000 },
  { kind: 'refreshed', inFlight: 32, says: '4,000/s', isMet: ({ perSecond }) => perSecond >= 4_000 },
  { kind: 'refreshed', inFlight: 32, says: 'p99 15 ms', isMet: ({ p99 }) => p99 <= 15 },
  { kind: 'refreshed', inFlight: 1, says: "2 ms over the IdP's own", isMet: ({ p50, idpMs }) => p50 - idpMs <= 2 }
]

/** What of the targets for a kind of question was met, and what was missed. */
export const verdictOn = (kind: string, inFlight: number, measured: Measured): string =>
  targets
    .filter((target) => target.kind === kind && target.inFlight === inFlight)
    .map(({ says, isMet }) => `${isMet(measured) ? 'met' : 'MISSED'}: ${says}`)
    .join(', ')

const growthMax = 1.15

/** Of medians of one kind with fewer grants stored and with more of them. */
export const verdictOnGrowth = (kind: string, [fewest, ...more]: readonly number[]): string | undefined => {
  const most = more.at(-1)
  if (fewest === undefined || most === undefined) return undefined
  const grown = `${kind}: p50 ${fewest.toFixed(2)} ms with the fewest grants, ${most.toFixed(2)} ms with the most`
  return `${grown}, ${most <= fewest * growthMax ? 'met' : 'MISSED'}: +15 %`
}

const rowBytesMax = 600

export const verdictOnRow = (bytes: number): string => (bytes <= rowBytesMax ? 'met: 600 bytes' : 'MISSED: 600 bytes')
