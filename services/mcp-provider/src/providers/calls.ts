import {
  findAuthorization,
  listAudiences,
  listProviderKeys,
  listProviders,
  type Principal,
  resolveProvider
} from '@onbehalf/contracts'
import { type Bus, type PublicKey, type Served, serve, type TicketReader } from '@onbehalf/rpc'
import type { Vault } from '@onbehalf/vault'
import type { FindAuthorization } from '../authorization/find.ts'
import { findAudiences } from './audiences.ts'
import { listUsable } from './list-usable.ts'
import { resolve } from './resolve.ts'
import type { ProviderStore } from './store.ts'
import type { SignProvider } from './ticket.ts'

type Tools = {
  providers: Pick<ProviderStore, 'findByIdentifier' | 'forwarding' | 'perhapsAt' | 'usable'>
  vault: Pick<Vault, 'open'>
  readPrincipal: TicketReader<Principal>
  signProvider: SignProvider
  publicKeys: () => PublicKey[]
  findAuthorization: FindAuthorization
}

/** The NATS edge of the registry. */
export const serveProviders = (
  bus: Bus,
  tools: Tools,
  report: (failure: { subject: string; error: unknown }) => void
): Served[] => [
  serve(bus, resolveProvider, (request) => resolve(tools, request), report),
  serve(bus, listProviders, (request) => listUsable(tools, request), report),
  serve(bus, listAudiences, (request) => findAudiences(tools, request), report),
  serve(bus, findAuthorization, (request) => tools.findAuthorization(request), report),
  serve(bus, listProviderKeys, async () => ({ ticket: tools.publicKeys(), session: [] }), report)
]
