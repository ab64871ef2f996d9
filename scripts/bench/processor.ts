import { readFileSync } from 'node:fs'

/** A process and what it started. */
export type Measured = { name: string; pid: number }

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // It ended meanwhile.
    return ''
  }
}

const childrenOf = (pid: number): number[] =>
  read(`/proc/${pid}/task/${pid}/children`)
    .split(' ')
    .flatMap((child) => Number(child) || [])

/** Milliseconds of processor time; Linux counts in hundredths of a second (sysconf(_SC_CLK_TCK)). */
export const processorMs = (pid: number): number => {
  const fields = read(`/proc/${pid}/stat`).split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 10
}

/** The same with everything that it started and that still runs. */
export const processorMsOfAll = (pid: number): number =>
  [pid, ...childrenOf(pid)].map(processorMs).reduce((sum, ms) => sum + ms, 0)

export const residentMegabytes = (pid: number): number => {
  const [, kilobytes = '0'] = /VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`)) ?? []
  return Math.round(Number(kilobytes) / 1024)
}
