import { type Job, repeat } from '@onbehalf/service-kit'
import type { IssuanceStore } from './store.ts'

type Needs = { issuances: Pick<IssuanceStore, 'forget'>; days: number; report: (error: unknown) => void }

const everyMs = 3_600_000

/** Forgets records that are older than `days`, now and every hour; never when `days` is 0. */
export const startForgetting = ({ issuances, days, report }: Needs): Job =>
  repeat({ everyMs, step: async () => days > 0 && issuances.forget(days), report })
