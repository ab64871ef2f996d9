import { ReportedError } from '@onbehalf/errors'
import type { Static, TSchema } from '@sinclair/typebox'
import { headers } from 'nats'
import type { Bus } from './bus.ts'
import { type CallContract, faultOf, matches } from './define-call.ts'
import { NoAnswer } from './inbox.ts'
import { decodeError, encode, header, parse } from './wire.ts'

export type CallOptions = {
  /** When the asker stops waiting, in milliseconds since the epoch; travels as the time that is left. */
  deadlineAt: number
  /** W3C trace context of the request this call belongs to. */
  traceparent?: string | undefined
}

/**
 * Asks the owner of `contract`. Throws the owner's `ReportedError`; `unavailable` when nobody serves the call, the bus is
 * away, or the deadline passes first.
 */
export const call = async <Request extends TSchema, Reply extends TSchema>(
  bus: Bus,
  contract: CallContract<Request, Reply>,
  request: Static<Request>,
  { deadlineAt, traceparent }: CallOptions
): Promise<Static<Reply>> => {
  const timeout = deadlineAt - Date.now()
  if (timeout <= 0) throw lateFor(contract)
  if (!bus.isConnected()) throw awayFor(contract)
  const fault = faultOf(contract.request, request)
  if (fault) throw new Error(`Asking ${contract.subject} with a bad ${fault.path}: ${fault.message}`)
  const message = await ask(bus, contract, encode(request), timeout, traceparent)
  if (message.headers?.has(header.error)) throw decodeError(message)
  const reply = parse(message)
  if (matches(contract.reply, reply)) return reply
  throw new Error(`${contract.subject} answered with a bad ${faultOf(contract.reply, reply)?.path}`)
}

const ask = async (
  bus: Bus,
  contract: CallContract,
  body: string,
  timeout: number,
  traceparent: string | undefined
) => {
  const sent = headers()
  sent.set(header.timeout, String(Math.ceil(timeout)))
  if (traceparent) sent.set(header.trace, traceparent)
  try {
    const { owner, subject } = contract
    return await bus.inbox.ask({ owner, subject, body, headers: sent, timeoutMs: timeout })
  } catch (cause) {
    if (cause instanceof NoAnswer && cause.reason === 'late') throw lateFor(contract, cause)
    throw awayFor(contract, cause)
  }
}

const lateFor = (contract: CallContract, cause?: unknown) =>
  new ReportedError('unavailable', `${contract.owner} did not answer in time. Try again shortly.`, {
    cause,
    retry_after_seconds: 1
  })

const awayFor = (contract: CallContract, cause?: unknown) =>
  new ReportedError('unavailable', `${contract.owner} is not available right now. Try again shortly.`, {
    cause,
    retry_after_seconds: 1
  })
