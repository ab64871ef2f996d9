import type { Static, TSchema } from '@sinclair/typebox'
import { type CallContract, faultOf } from './define-call.ts'
import { encode } from './wire.ts'

const bytes = Symbol('a reply as it is sent')

/** A reply that was checked and written once, to be given again and again. */
export type WrittenReply<Reply extends TSchema> = { readonly [bytes]: Uint8Array; readonly contract: { reply: Reply } }

/** Throws where the reply is not what the contract says. */
export const writeReply = <Reply extends TSchema>(
  contract: CallContract<TSchema, Reply>,
  reply: Static<Reply>
): WrittenReply<Reply> => ({ [bytes]: Buffer.from(encodeReply(contract, reply)), contract })

/** What is sent; throws where the reply is not what the contract says. */
export const encodeReply = (contract: CallContract, reply: unknown): string => {
  const fault = faultOf(contract.reply, reply)
  if (fault) throw new Error(`Answering ${contract.subject} with a bad ${fault.path}: ${fault.message}`)
  return encode(reply)
}

/** What is sent of one that is written already; undefined for any other. */
export const writtenBytes = (reply: unknown): Uint8Array | undefined =>
  typeof reply === 'object' && reply !== null && bytes in reply && reply[bytes] instanceof Uint8Array
    ? reply[bytes]
    : undefined

export const lengthOf = (reply: WrittenReply<TSchema>): number => reply[bytes].length
