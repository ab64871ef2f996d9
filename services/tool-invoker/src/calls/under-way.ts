import { deviceChanges, identityChanges, providerChanges } from '@onbehalf/contracts'
import { ReportedError } from '@onbehalf/errors'
import { type Bus, createCrowd, type Member, readFeed } from '@onbehalf/rpc'

/** One call, from when it is begun. Must be ended. */
export type WatchedCall = {
  /** It is sent, and rests on these, as `kind:id`; `ask` throws where it would not be made any more. */
  sends: (tagsOf: () => readonly string[], ask: () => Promise<unknown>) => void
  /** Asks now, as after a change. */
  ask: () => void
  end: () => void
}

export type CallsUnderWay = {
  /** `cancel` is told why the call is no longer permitted. */
  begin: (cancel: (reason: ReportedError) => void) => WatchedCall
  /** This replica leaves: what has not ended in `graceMs` is cancelled, and what begins later at once. */
  leave: (graceMs: number) => void
  close: () => void
}

type Sent = { tagsOf: () => readonly string[]; ask: () => Promise<unknown> }

/** Who watches: `askAgain` asks whether a call may be made still, and cancels it where it may not. */
type Watch = { askAgain: (call: Call, sent: Sent) => void; forget: (call: Call) => void }

const everything = '*'

// A class, since a closure for each of these would be held for every call that waits for its server.
class Call implements Member, WatchedCall {
  place = -1
  readonly cancel: (reason: ReportedError) => void
  sent: Sent | undefined
  /** What changed before it was known what the call rests on. */
  missed: Set<string> | undefined
  isAsking = false
  isDue = false
  private readonly watch: Watch

  constructor(watch: Watch, cancel: (reason: ReportedError) => void) {
    this.watch = watch
    this.cancel = cancel
  }

  sends(tagsOf: Sent['tagsOf'], ask: Sent['ask']): void {
    const sent = { tagsOf, ask }
    this.sent = sent
    const { missed } = this
    // Hardly anything changes within a call, so that most of them never look at what they rest on.
    if (!missed) return
    if (missed.has(everything) || tagsOf().some((tag) => missed.has(tag))) this.watch.askAgain(this, sent)
  }

  ask(): void {
    if (this.sent) this.watch.askAgain(this, this.sent)
  }

  end(): void {
    this.watch.forget(this)
  }
}

/**
 * Watches calls under way: when something that one rests on changes, its owners are asked again whether it may be made,
 * and where one says no it is cancelled. A change alone is no reason, since most of them take nothing away.
 */
export const watchCallsUnderWay = (bus: Bus): CallsUnderWay => {
  const calls = createCrowd<Call>()
  let leaving: NodeJS.Timeout | undefined
  let isOver = false

  const askUntilSettled = async (call: Call, { ask }: Sent): Promise<void> => {
    do {
      call.isDue = false
      // Whoever holds an answer here has heard of the change as well by then, and asks its owner.
      await bus.connection.flush()
      if (calls.has(call)) await ask()
    } while (call.isDue)
  }
  const askAgain = (call: Call, sent: Sent): void => {
    call.isDue = true
    if (call.isAsking) return
    call.isAsking = true
    askUntilSettled(call, sent)
      .catch((error: unknown) => {
        // Only an owner's no counts; one that cannot be asked has not said it.
        if (isRefusal(error)) call.cancel(error)
      })
      .finally(() => {
        call.isAsking = false
      })
  }
  const watch: Watch = { askAgain, forget: calls.leave }
  const onTag = (tag: string): void => {
    for (const call of calls.members()) {
      const { sent } = call
      if (!sent) call.missed = (call.missed ?? new Set()).add(tag)
      else if (tag === everything || sent.tagsOf().includes(tag)) askAgain(call, sent)
    }
  }
  const listener = {
    onChange: ({ kind, id }: { kind: string; id: string }) => onTag(`${kind}:${id}`),
    onReset: () => onTag(everything)
  }
  const readers = [
    readFeed(bus, identityChanges, listener),
    readFeed(bus, providerChanges, listener),
    readFeed(bus, deviceChanges, listener)
  ]

  return {
    begin: (cancel) => {
      const call = new Call(watch, cancel)
      calls.enter(call)
      if (isOver) cancel(leftBehind())
      return call
    },
    leave: (graceMs) => {
      leaving = setTimeout(() => {
        isOver = true
        for (const { cancel } of calls.members()) cancel(leftBehind())
      }, graceMs)
    },
    close: () => {
      clearTimeout(leaving)
      for (const reader of readers) reader.close()
    }
  }
}

const isRefusal = (error: unknown): error is ReportedError =>
  error instanceof ReportedError && error.status < 500 && error.code !== 'too_many_requests'

// Not `unavailable`: what is said to be tried again would be done twice.
const leftBehind = () =>
  new ReportedError(
    'upstream_timeout',
    'This replica is leaving and could not wait for the MCP server any longer. The call may have been made.'
  )
