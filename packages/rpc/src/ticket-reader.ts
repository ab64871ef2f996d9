import type { Static, TSchema } from '@sinclair/typebox'
import { LRUCache } from 'lru-cache'
import { type FindKey, readTicket, type TicketContract, type TicketRead } from './tickets.ts'

export type TicketReader<Claims> = (ticket: string) => Promise<Claims>

/**
 * Reads tickets of one kind and remembers, for as long as each holds, that it was verified: askers show the same
 * ticket until it ends, and a signature costs more than everything else of a warm call. Throws as `verifyTicket` does;
 * a ticket that does not hold is not remembered.
 */
export const createTicketReader = <Claims extends TSchema>(
  contract: TicketContract<Claims>,
  { findKey, max = 10_000, now = Date.now }: { findKey: FindKey; max?: number; now?: () => number }
): TicketReader<Static<Claims>> => {
  const known = new LRUCache<string, TicketRead<Static<Claims>>>({ maxSize: max, sizeCalculation: () => 1 })
  return async (ticket) => {
    const held = known.get(ticket)
    if (held && now() < held.holdsUntil) return held.statement
    const read = await readTicket(contract, ticket, { findKey, now })
    known.set(ticket, read)
    return read.statement
  }
}
