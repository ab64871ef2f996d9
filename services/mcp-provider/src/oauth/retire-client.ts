import type { ClientStore, Known } from './client-store.ts'

type Needs = {
  clients: Pick<ClientStore, 'retire'>
  /** Hears of what went wrong. */
  report: (error: unknown) => void
}

/** Lets go of a client that its authorization server refuses. Whether that can be noted changes nothing of the answer. */
export type RetireClient = (known: Known) => Promise<void>

export const createRetireClient =
  ({ clients, report }: Needs): RetireClient =>
  ({ tenant_id, issuer, client_id }) =>
    clients.retire({ tenant_id, issuer, client_id }).catch(report)
