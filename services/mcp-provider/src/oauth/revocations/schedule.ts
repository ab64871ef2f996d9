import type { RevocationRow } from '../../database.ts'
import type { RevokeUpstream } from './revoke.ts'
import type { RevocationStore } from './store.ts'

type Tools = {
  store: RevocationStore
  revoke: RevokeUpstream
  /** Hears of what went wrong. */
  report: (error: unknown) => void
}

/** What comes of it changes nothing here. */
export type Revocations = {
  /** Looks for what is due from now on. */
  start: () => void
  /** Something was dropped just now. */
  hurry: () => void
  /** Waits for what is under way; the rest is for another replica. */
  close: () => Promise<void>
}

const atOnceMax = 16
// Longer than a server may take: who has not told of it by then is gone.
const leaseSeconds = 60
const lookMs = 15_000
/** A minute after the first time, and twice as long after each other one: half a day in all. */
const againSeconds = 30
const attemptsMax = 10

/** Takes back what was dropped, behind the answers, by any one replica; again where a server is away. */
export const createRevocations = ({ store, revoke, report }: Tools): Revocations => {
  let isClosing = false
  let isWanted = false
  let isLooking = false
  let round = Promise.resolve()
  let timer: NodeJS.Timeout | undefined

  const one = async (row: RevocationRow): Promise<void> => {
    const failure = await revoke(row).then(
      () => undefined,
      (error: unknown) => ({ error })
    )
    const isOver = !failure || row.attempt >= attemptsMax
    await (isOver ? store.forget(row) : store.postpone(row, againSeconds * 2 ** row.attempt))
    if (failure) report(failure.error)
  }
  const lookOnce = async (): Promise<void> => {
    isWanted = false
    const rows = await store.claim(atOnceMax, leaseSeconds)
    if (rows.length === atOnceMax) isWanted = true
    await Promise.all(rows.map((row) => one(row).catch(report)))
  }
  const lookWhileWanted = async (): Promise<void> => {
    while (isWanted && !isClosing) await lookOnce().catch(report)
    isLooking = false
  }
  const hurry = (): void => {
    isWanted = true
    if (isLooking) return
    isLooking = true
    round = lookWhileWanted()
  }
  return {
    start: () => {
      hurry()
      timer = setInterval(hurry, lookMs)
    },
    hurry,
    close: async () => {
      isClosing = true
      clearInterval(timer)
      await round
    }
  }
}
