import { type Job, repeat } from '@onbehalf/service-kit'
import { type ExpireTools, expireTokens } from '../device-token/expire.ts'
import type { JobStore } from './store.ts'

type Needs = ExpireTools & {
  jobs: JobStore
  /** How long what has ended is kept. */
  days: number
  report: (error: unknown) => void
}

const everyMs = 60_000
const max = 500

/** Ends the tokens whose time is over, and forgets what ended long ago: every replica tries, one at a time does. */
export const startCleanUp = ({ jobs, days, report, ...tools }: Needs): Job =>
  repeat({
    everyMs,
    step: async () => {
      const ended = await expireTokens({ max }, tools)
      const hasTokens = await jobs.forgetTokens(days)
      const hasDeliveries = await jobs.forgetDeliveries(days)
      return ended === max || hasTokens || hasDeliveries
    },
    report
  })
