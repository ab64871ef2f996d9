export { type AskedKeys, createAskedKeys } from './asked-keys.ts'
export { type Bus, type BusOptions, connectBus } from './bus.ts'
export { type CallOptions, call } from './call.ts'
export { createCrowd, type Member } from './crowd.ts'
export { type CallContract, defineCall, faultOf, matches, ownerOf } from './define-call.ts'
export { defineFeed, type FeedContract, type FeedReader, type FeedWriter, readFeed, writeFeed } from './feed.ts'
export type { Held } from './held-entries.ts'
export { repliesFrom } from './inbox.ts'
export { createKeySet } from './key-set.ts'
export { createLiveCache, type Found, type LiveCache, type LiveCacheOptions } from './live-cache.ts'
export { type ServeContext, type Served, serve } from './serve.ts'
export { importSigningKey, type SigningKey, signJwt } from './signing-key.ts'
export { createTicketReader, type TicketReader } from './ticket-reader.ts'
export {
  defineTicket,
  type FindKey,
  PublicKey,
  signTicket,
  type TicketContract,
  ticketSecondsMax,
  verifyTicket
} from './tickets.ts'
export { lengthOf, type WrittenReply, writeReply } from './written-reply.ts'
