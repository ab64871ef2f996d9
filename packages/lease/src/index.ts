export type { Clock } from './clock.ts'
export { RefreshFailure } from './failure.ts'
export { afterStoring, createRefresher, type Refresher } from './refresher.ts'
export type { Answer, Claim, DeadReason, Exchange, Lease, Look, Outcome, Progress, RefreshStore } from './store.ts'
