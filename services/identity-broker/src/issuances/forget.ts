import type { IssuanceStore } from './store.ts'

type Needs = { issuances: Pick<IssuanceStore, 'forget'>; days: number; report: (error: unknown) => void }

const everyMs = 3_600_000

/** Forgets records that are older than `days`, now and every hour; never when `days` is 0. */
export const startForgetting = ({ issuances, days, report }: Needs): { close: () => Promise<void> } => {
  let isClosed = false
  const forget = async () => {
    while (!isClosed && (await issuances.forget(days)));
  }
  let running = Promise.resolve()
  const begin = () => {
    running = running.then(forget).catch(report)
  }
  if (days > 0) begin()
  const timer = days > 0 ? setInterval(begin, everyMs) : undefined
  return {
    close: async () => {
      isClosed = true
      clearInterval(timer)
      await running
    }
  }
}
