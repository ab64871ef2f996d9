import { randomBytes } from 'node:crypto'
import type { Msg, MsgHdrs, NatsConnection, PublishOptions } from 'nats'
import { presence } from './wire.ts'

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

// A server says that nobody listens only when it is asked. A little longer than what is left to do in a drain takes.
const lookMs = 2_000

type Waiting = { subject: string; answer: (message: Msg) => void; fail: (error: NoAnswer) => void }

/**
 * Where the answers to one connection's questions arrive: `_INBOX.<asker>.<owner>.<random>`. The subject names who may
 * answer, and NATS holds each service to its own: so nobody needs `allow_responses`, which would let a service write
 * to any subject that it can make another message name as its reply.
 */
export const openInbox = (connection: NatsConnection, service: string): Inbox => {
  const waiting = new Map<string, Waiting>()
  const run = randomBytes(12).toString('base64url')
  let asked = 0
  connection.subscribe(`_INBOX.${service}.>`, {
    callback: (failure, message) => {
      const asker = waiting.get(message.subject)
      if (!asker) return
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
      const fail = (error: NoAnswer) => waiting.get(reply)?.fail(error)
      const publish = (text: string, options: PublishOptions) => {
        try {
          connection.publish(subject, text, options)
        } catch {
          // Closing, or larger than the server takes.
          fail(new NoAnswer('refused'))
        }
      }
      const stillThere = `${reply}-`
      const look = () => {
        waiting.set(stillThere, { subject, answer: () => {}, fail })
        publish('', { reply: stillThere, headers: presence() })
      }
      let leftMs = timeoutMs
      const wait = (): NodeJS.Timeout => {
        const ms = Math.min(leftMs, lookMs)
        leftMs -= ms
        return setTimeout(() => {
          if (leftMs <= 0) return fail(new NoAnswer('late'))
          look()
          timer = wait()
        }, ms)
      }
      let timer = wait()
      publish(body, { reply, headers })
      return answered.finally(() => {
        clearTimeout(timer)
        waiting.delete(reply)
        waiting.delete(stillThere)
      })
    },
    refuse: (subject) => {
      for (const asker of waiting.values()) if (asker.subject === subject) asker.fail(new NoAnswer('refused'))
    }
  }
}
