import type { FileEnd } from './run-file.ts'

export type Totals = { passed: number; failed: number; skipped: number }

export const none: Totals = { passed: 0, failed: 0, skipped: 0 }

export const addTotals = (left: Totals, right: Totals): Totals => ({
  passed: left.passed + right.passed,
  failed: left.failed + right.failed,
  skipped: left.skipped + right.skipped
})

const totalsLine = /^# \{ total: (\d+)(.*)\}$/

const count = (text: string, name: string): number => Number(new RegExp(`${name}: (\\d+)`).exec(text)?.[1] ?? 0)

/** Tap's own closing line counts the assertions of all subtests, and those that were never reached. */
const countedBy = (lines: string[]): Totals => {
  const [, total, rest = ''] = totalsLine.exec(lines.findLast((line) => totalsLine.test(line)) ?? '') ?? []
  const failed = count(rest, 'fail')
  const skipped = count(rest, 'skip') + count(rest, 'todo')
  return { failed, skipped, passed: Number(total ?? 0) - failed - skipped }
}

/** Why a file counts as failed, whatever its assertions say. */
const faultOf = ({ lines, fault }: FileEnd): string | undefined => {
  const { passed, failed, skipped } = countedBy(lines)
  return fault ?? (passed + failed + skipped === 0 ? 'no test ran' : undefined)
}

/** One that could not be loaded, did not get to its end, or has no test counts as one failure at least. */
export const totalsOf = (end: FileEnd): Totals => {
  const counted = countedBy(end.lines)
  return faultOf(end) === undefined ? counted : { ...counted, failed: Math.max(1, counted.failed) }
}

const isPassing = (line: string): boolean =>
  /^\s*(ok |# Subtest|# time=|# \{ total|1\.\.\d+$|TAP version|\}$|$)/.test(line)

/** A line for a file and one for each test it left out; the whole story where it failed. */
export const storyOf = (end: FileEnd): string[] => {
  const isOk = totalsOf(end).failed === 0
  const fault = faultOf(end)
  const told = end.lines.flatMap((line) => {
    if (/# (SKIP|TODO)\b/.test(line)) return [`  ${line.trim()}`]
    return isOk || isPassing(line) ? [] : [line]
  })
  const head = `${isOk ? '✓' : '✗'} ${end.file} (${end.seconds.toFixed(1)} s)`
  return [fault === undefined ? head : `${head}: ${fault}`, ...told]
}

export const totalsText = ({ passed, failed, skipped }: Totals): string =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
