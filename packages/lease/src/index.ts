export { RefreshFailure } from './failure.ts'
export { createRefresher, type Refresher } from './refresher.ts'
export type { DeadReason, Exchange, Held, Outcome, Progress, RefreshStore } from './store.ts'
