export type Totals = { passed: number; failed: number; skipped: number; total: number }

const totalsLine = /^# \{ total: (\d+)(.*)\}$/
const fileLine = /^(ok|not ok) \d+ - (\S+\.ts)(.*)$/

const count = (text: string, name: string): number => Number(new RegExp(`${name}: (\\d+)`).exec(text)?.[1] ?? 0)

/** Tap's own closing line is the only one that also counts a file that crashed on import. */
const parseTotals = (line: string): Totals | undefined => {
  const [, total, rest = ''] = totalsLine.exec(line) ?? []
  if (total === undefined) return undefined
  const failed = count(rest, 'fail')
  const skipped = count(rest, 'skip') + count(rest, 'todo')
  return { total: Number(total), failed, skipped, passed: Number(total) - failed - skipped }
}

const secondsOf = (rest: string): string => {
  const milliseconds = /time=([\d.]+)ms/.exec(rest)?.[1]
  return milliseconds === undefined ? '' : ` (${(Number(milliseconds) / 1000).toFixed(1)} s)`
}

const isPassing = (line: string): boolean => /^\s*(ok |# Subtest|# time=|1\.\.\d+$|$)/.test(line)

/** Turns tap's stream into one line per file, the whole story where a file failed, and what was skipped. */
export const createReport = (print: (line: string) => void) => {
  let totals: Totals | undefined
  let lines: string[] = []

  const endFile = (isOk: boolean, file: string, rest: string) => {
    print(`${isOk ? '✓' : '✗'} ${file}${secondsOf(rest)}`)
    for (const line of lines) {
      if (/# (SKIP|TODO)\b/.test(line)) print(`  ${line.trim()}`)
      else if (!isOk && !isPassing(line)) print(line)
    }
    lines = []
  }

  return {
    read: (line: string): void => {
      totals = parseTotals(line) ?? totals
      const [, outcome, file, rest = ''] = fileLine.exec(line) ?? []
      if (file === undefined) lines.push(line)
      else endFile(outcome === 'ok', file, rest)
    },
    /** Undefined when tap did not get to its end. */
    totals: (): Totals | undefined => totals
  }
}

export const totalsText = ({ passed, failed, skipped }: Totals): string =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
