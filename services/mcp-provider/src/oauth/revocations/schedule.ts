import type { RevocationRow } from '../../database.ts'
import type { RevokeUpstream } from './revoke.ts'
import type { GivenUp, RevocationStore } from './store.ts'

type Tools = {
  store: Pick<RevocationStore, 'claim' | 'postpone' | 'forget' | 'giveUpOldest'>
  revoke: RevokeUpstream
  /** Hears of what went wrong, and of what is not tried again. */
  report: (error: unknown, givenUp?: RevocationRow) => void
  /** Hears how many of a tenant are tried no more, because there are newer ones. */
  reportMany: (givenUp: GivenUp) => void
  /** Hears of what could not be looked for, noted or given up in the database; it is tried again, and the rest goes on. */
  reportStore: (error: unknown) => void
}

/** What comes of it changes nothing here. */
export type Revocations = {
  /** Looks for what is due from now on. */
  start: () => void
  /** Something of this tenant was dropped just now. */
  hurry: (tenant_id: string) => void
  /** Waits for what is under way; the rest is for another replica. */
  close: () => Promise<void>
}

const inFlightMax = 16
// Of one tenant so many at a time, and no more while so many run: whose servers are slow waits for its own alone.
const perTenant = 4
// Longer than a server may take: who has not told of it by then is gone.
const leaseSeconds = 60
// Half of the shortest wait for another attempt, so that none is late by much.
const lookMs = 15_000
/** A minute after the first time, and twice as long after each other one: eight and a half hours in all. */
const againSeconds = 30
const attemptsMax = 10

/** Takes back what was dropped, behind the answers, by any one replica; again where a server is away. */
export const createRevocations = ({ store, revoke, report, ...tell }: Tools): Revocations => {
  const running = new Map<Promise<void>, string>()
  let isClosing = false
  let isWanted = false
  let isLooking = false
  // Who may have too many since the last look; other replicas add to any tenant's.
  const added = new Set<string>()
  let isForAll = false
  let round = Promise.resolve()
  let timer: NodeJS.Timeout | undefined

  const one = async (row: RevocationRow): Promise<void> => {
    const { isOver, error } = await revoke(row).then(
      (refused) => ({ isOver: true, error: refused }),
      (thrown: unknown) => ({ isOver: row.attempt >= attemptsMax, error: thrown })
    )
    await (isOver ? store.forget(row) : store.postpone(row, againSeconds * 2 ** row.attempt))
    if (error !== undefined) report(error, isOver ? row : undefined)
  }
  const begin = (row: RevocationRow): void => {
    const work = one(row)
      .catch(tell.reportStore)
      .finally(() => {
        running.delete(work)
        hurry()
      })
    running.set(work, row.tenant_id)
  }
  const busyTenants = (): string[] => {
    const counts = Map.groupBy(running.values(), (tenant) => tenant)
    return [...counts].filter(([, { length }]) => length >= perTenant).map(([tenant]) => tenant)
  }
  const giveUpOldest = async (): Promise<void> => {
    const tenants = isForAll ? 'all' : [...added]
    isForAll = false
    added.clear()
    if (tenants.length === 0) return
    for (const givenUp of await store.giveUpOldest(tenants)) tell.reportMany(givenUp)
  }
  const lookOnce = async (): Promise<void> => {
    isWanted = false
    await giveUpOldest().catch(tell.reportStore)
    const limit = inFlightMax - running.size
    const rows = await store.claim({ limit, perTenant, except: busyTenants(), leaseSeconds })
    for (const row of rows) begin(row)
    if (rows.length > 0) isWanted = true
  }
  const lookWhileWanted = async (): Promise<void> => {
    // Whatever ends while all places are taken looks again.
    while (isWanted && !isClosing && running.size < inFlightMax) await lookOnce().catch(tell.reportStore)
    isLooking = false
  }
  const hurry = (): void => {
    isWanted = true
    if (isLooking) return
    isLooking = true
    round = lookWhileWanted()
  }
  const hurryAfterAdding = (tenant_id: string): void => {
    added.add(tenant_id)
    hurry()
  }
  const lookAtAll = (): void => {
    isForAll = true
    hurry()
  }
  return {
    start: () => {
      lookAtAll()
      timer = setInterval(lookAtAll, lookMs)
    },
    hurry: hurryAfterAdding,
    close: async () => {
      isClosing = true
      clearInterval(timer)
      await round
      await Promise.all(running.keys())
    }
  }
}
