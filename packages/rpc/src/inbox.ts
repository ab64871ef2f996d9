import { randomBytes } from 'node:crypto'
import type { Msg, MsgHdrs, NatsConnection, PublishOptions } from 'nats'
import { createKeyedCrowd, type KeyedCrowd } from './keyed-crowd.ts'
import { header, presence } from './wire.ts'

/** Why a question got no answer. */
export class NoAnswer extends Error {
  readonly reason: 'late' | 'nobody' | 'refused'
  constructor(reason: 'late' | 'nobody' | 'refused') {
    super(`no answer: ${reason}`)
    this.name = 'NoAnswer'
    this.reason = reason
  }
}

export type Question = { owner: string; subject: string; body: string; headers: MsgHdrs; timeoutMs: number }

export type Inbox = {
  /**
   * Asks, and waits for the one answer. Throws `NoAnswer`, also `nobody` for whoever took the question and is gone since,
   * with all that serve the same.
   */
  ask: (question: Question) => Promise<Msg>
  /** NATS did not let us ask on this subject: whoever waits for an answer there is told. */
  refuse: (subject: string) => void
}

/** What the owner of a call may publish to, to answer an asker. */
export const repliesFrom = (owner: string, asker: string): string => `_INBOX.${asker}.${owner}.>`

// A server says that nobody listens only when it is asked.
const lookMs = 2_000

type Waiting = {
  subject: string
  answer: (message: Msg) => void
  fail: (error: NoAnswer) => void
  /** Its owner takes no more questions, and will answer this one. */
  isPromised?: boolean
}

/**
 * Where the answers to one connection's questions arrive: `_INBOX.<asker>.<owner>.<random>`. The subject names who may
 * answer, and NATS holds each service to its own: so nobody needs `allow_responses`, which would let a service write
 * to any subject that it can make another message name as its reply.
 */
export const openInbox = (connection: NatsConnection, service: string): Inbox => {
  const waiting = createKeyedCrowd<Waiting>()
  const run = randomBytes(12).toString('base64url')
  let asked = 0
  connection.subscribe(`_INBOX.${service}.>`, {
    callback: (failure, message) => {
      const asker = waiting.get(message.subject)
      if (!asker) return
      if (message.headers?.has(header.presence)) {
        asker.isPromised = true
        return
      }
      const isNobody = message.headers?.code === 503 && message.data.length === 0
      if (failure || isNobody) asker.fail(new NoAnswer(failure ? 'refused' : 'nobody'))
      else asker.answer(message)
    }
  })
  return {
    ask: ({ owner, subject, body, headers, timeoutMs }) => {
      asked += 1
      const reply = `_INBOX.${service}.${owner}.${run}${asked.toString(36)}`
      const answered = new Promise<Msg>((answer, fail) => waiting.set(reply, { subject, answer, fail }))
      const publish = (text: string, options: PublishOptions) => {
        try {
          connection.publish(subject, text, options)
        } catch {
          // Closing, or larger than the server takes.
          waiting.get(reply)?.fail(new NoAnswer('refused'))
        }
      }
      const looking = keepLooking(waiting, reply, { timeoutMs, publish })
      publish(body, { reply, headers })
      return answered.finally(looking.stop)
    },
    refuse: (subject) => {
      for (const asker of waiting.members()) if (asker.subject === subject) asker.fail(new NoAnswer('refused'))
    }
  }
}

type Looked = { timeoutMs: number; publish: (text: string, options: PublishOptions) => void }

/** Fails whoever waits at `reply` once the time is over, or before where nobody is there any more to answer. */
const keepLooking = (waiting: KeyedCrowd<Waiting>, reply: string, { timeoutMs, publish }: Looked) => {
  const stillThere = `${reply}-`
  let leftMs = timeoutMs
  const look = (asker: Waiting) => {
    const fail = (error: NoAnswer) => {
      if (!asker.isPromised) asker.fail(error)
    }
    waiting.set(stillThere, { subject: asker.subject, answer: () => {}, fail })
    publish('', { reply: stillThere, headers: presence() })
  }
  const wait = (): NodeJS.Timeout => {
    const ms = Math.min(leftMs, lookMs)
    leftMs -= ms
    return setTimeout(() => {
      const asker = waiting.get(reply)
      if (!asker) return
      if (leftMs <= 0) return asker.fail(new NoAnswer('late'))
      look(asker)
      timer = wait()
    }, ms)
  }
  let timer = wait()
  return {
    stop: () => {
      clearTimeout(timer)
      waiting.delete(reply)
      waiting.delete(stillThere)
    }
  }
}
