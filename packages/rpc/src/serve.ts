import { ReportedError, toReported } from '@onbehalf/errors'
import type { Static, TSchema } from '@sinclair/typebox'
import { headers, type Msg } from 'nats'
import type { Bus } from './bus.ts'
import { createCrowd, type Member } from './crowd.ts'
import { type CallContract, faultOf, matches } from './define-call.ts'
import { commonErrors, encodeError, header, parse, presence } from './wire.ts'
import { encodeReply, type WrittenReply, writtenBytes } from './written-reply.ts'

/** What a handler knows of the request besides its body. */
export type ServeContext = { deadlineAt: number; traceparent: string | undefined }

export type Served = { stop: () => Promise<void> }

type Handler<Request extends TSchema, Reply extends TSchema> = (
  request: Static<Request>,
  context: ServeContext
) => Promise<Static<Reply> | WrittenReply<Reply> | undefined>

/** A request that is being answered. */
type Answering = Member & { message: Msg; done: Promise<void> }

type Report = (failure: { subject: string; error: unknown }) => void

/**
 * Answers `contract` as one of its owner's replicas. What the handler throws reaches the asker as the same typed
 * error when the contract names its code, and as `internal` otherwise; `report` hears of every unexpected one.
 * A handler of a call `toEveryReplica` answers undefined to leave the answer to another replica; one that gives the same
 * large answer again and again writes it once (`writeReply`).
 */
export const serve = <Request extends TSchema, Reply extends TSchema>(
  bus: Bus,
  contract: CallContract<Request, Reply>,
  handler: Handler<Request, Reply>,
  report: Report = () => {}
): Served => {
  const underWay = createCrowd<Answering>()
  let isLeaving = false
  // Whoever looks whether anybody is there finds nobody from now on, and is to wait all the same.
  const promise = (message: Msg) => message.respond('', { headers: presence() })
  const subscription = bus.connection.subscribe(contract.subject, {
    ...(contract.toEveryReplica ? {} : { queue: contract.owner }),
    callback: (failure, message) => {
      if (failure) return report({ subject: contract.subject, error: failure })
      if (message.headers?.has(header.presence)) return
      const done = answer(contract, handler, message, report).finally(() => underWay.leave(answering))
      const answering: Answering = { place: -1, message, done }
      underWay.enter(answering)
      if (isLeaving) promise(message)
    }
  })
  return {
    stop: async () => {
      isLeaving = true
      if (!bus.connection.isClosed()) for (const { message } of underWay.members()) promise(message)
      if (!bus.connection.isClosed() && !subscription.isClosed()) await subscription.drain()
      await Promise.allSettled(underWay.members().map(({ done }) => done))
    }
  }
}

const answer = async <Request extends TSchema, Reply extends TSchema>(
  contract: CallContract<Request, Reply>,
  handler: Handler<Request, Reply>,
  message: Msg,
  report: Report
): Promise<void> => {
  try {
    const request = parse(message)
    if (!matches(contract.request, request)) throw malformed(contract, request)
    const reply = await handler(request, contextOf(message))
    if (reply === undefined && contract.toEveryReplica) return
    message.respond(writtenBytes(reply) ?? encodeReply(contract, reply))
  } catch (thrown) {
    const error = speakable(contract, toReported(thrown))
    if (error.code === 'internal') report({ subject: contract.subject, error: thrown })
    const marked = headers()
    marked.set(header.error, error.code)
    message.respond(encodeError(error), { headers: marked })
  }
}

const speakable = (contract: CallContract, error: ReportedError): ReportedError =>
  contract.errors.includes(error.code) || commonErrors.includes(error.code) ? error : toReported(new Error(error.code))

const malformed = (contract: CallContract, request: unknown) => {
  const fault = faultOf(contract.request, request)
  return new ReportedError(
    'invalid_request',
    `${contract.subject}: ${fault?.path || 'the body'} is not as it must be.`,
    {
      details: fault ? [fault] : []
    }
  )
}

const contextOf = (message: Msg): ServeContext => {
  const timeoutMs = Number(message.headers?.get(header.timeout) || 5_000)
  const traceparent = message.headers?.get(header.trace) || undefined
  return { deadlineAt: Date.now() + (Number.isFinite(timeoutMs) ? timeoutMs : 5_000), traceparent }
}
