import { listProviders } from '@onbehalf/contracts'
import { type Bus, type CallOptions, call } from '@onbehalf/rpc'
import type { Page } from '@onbehalf/service-kit'

/** A page of the identifiers of the providers that whoever shows the ticket may use. */
export type ListProviders = (
  principal: string,
  asked: { limit: number; cursor?: string },
  options: Pick<CallOptions, 'traceparent'>
) => Promise<Page<{ server_identifier: string }>>

const listMs = 10_000

export const createListProviders =
  (bus: Bus): ListProviders =>
  (principal, asked, { traceparent }) =>
    call(bus, listProviders, { principal, ...asked }, { deadlineAt: Date.now() + listMs, traceparent })
