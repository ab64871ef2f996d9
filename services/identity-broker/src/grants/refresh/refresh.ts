import { refreshOwner } from '@onbehalf/contracts'
import { createRefresher, type Exchange, type Refresher, type RefreshStore } from '@onbehalf/lease'
import { type Bus, call, serve } from '@onbehalf/rpc'
import type { Report } from '../../report.ts'
import type { Brought, Material, Wanted } from './minted-token.ts'

type Options = {
  store: RefreshStore<Material, Wanted, Brought>
  exchange: Exchange<Material, Wanted, Brought>
  exchangeMs: number
  instance: string
}

export type GrantRefresher = Refresher<Wanted, Brought>

/** How long another replica has to say that it still waits for what it sent. */
const askOwnerMs = 500

/** The refresher of this replica; others are asked over NATS whether they still wait for an answer. */
export const createGrantRefresher = (bus: Bus, { instance, ...options }: Options): GrantRefresher =>
  createRefresher({
    ...options,
    owner: instance,
    nameOf: ({ audience, mode, scopes }) => JSON.stringify([audience, mode, scopes]),
    isOwnerWaiting: async (owner, grant_id) => {
      const asked = call(bus, refreshOwner, { owner, grant_id }, { deadlineAt: Date.now() + askOwnerMs })
      return asked.then(
        ({ is_waiting }) => is_waiting,
        // Silence says that it is gone; but who cannot ask has not heard silence.
        () => !bus.isConnected()
      )
    }
  })

/** Answers the other replicas, when it is this one that they mean. */
export const serveRefreshOwner = (
  bus: Bus,
  { instance, refresher }: { instance: string; refresher: Pick<GrantRefresher, 'isRunning'> },
  report: Report
) =>
  serve(
    bus,
    refreshOwner,
    async ({ owner, grant_id }) => (owner === instance ? { is_waiting: refresher.isRunning(grant_id) } : undefined),
    report
  )
