import { randomUUID } from 'node:crypto'
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import type { Bus } from './bus.ts'
import { matches, ownerOf } from './define-call.ts'
import { encode, parse } from './wire.ts'

/** One owner's numbered feed of changes: who publishes it, who may read it, what a change says. */
export type FeedContract<Change extends TSchema = TSchema> = {
  subject: string
  owner: string
  readers: readonly string[]
  change: Change
}

export const defineFeed = <Change extends TSchema>(definition: {
  subject: string
  readers: readonly string[]
  change: Change
}): FeedContract<Change> => ({ ...definition, owner: ownerOf(definition.subject) })

// Numbers run per writer: a replica counts its own messages, so no replica waits for another to publish.
const Envelope = Type.Object({
  writer: Type.String(),
  number: Type.Integer({ minimum: 1 }),
  changes: Type.Array(Type.Unknown()),
  is_leaving: Type.Boolean()
})

export type FeedWriter<Change> = {
  publish: (...changes: Change[]) => void
  /** Waits until the bus has what was published, a second at most; it never rejects. */
  flush: () => Promise<void>
  close: () => void
}

/** Publishes changes of this replica, and a beat every `beatMs` (5 s) so that readers notice a silence. */
export const writeFeed = <Change extends TSchema>(
  bus: Bus,
  feed: FeedContract<Change>,
  { beatMs = 5_000 } = {}
): FeedWriter<Static<Change>> => {
  const writer = randomUUID()
  let number = 0
  const send = (changes: Static<Change>[], isLeaving = false) => {
    number += 1
    try {
      bus.connection.publish(feed.subject, encode({ writer, number, changes, is_leaving: isLeaving }))
    } catch {
      // What cannot be sent is a gap in the numbers, and a gap makes every reader drop what it holds.
    }
  }
  const beat = setInterval(() => send([]), beatMs)
  send([])
  return {
    publish: (...changes) => send(changes),
    flush: async () => {
      if (!bus.isConnected()) return
      const flushed = bus.connection.flush().catch(() => {})
      await Promise.race([flushed, late(flushMs)])
    },
    close: () => {
      clearInterval(beat)
      send([], true)
    }
  }
}

const flushMs = 1_000
const late = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms).unref()
  })

export type FeedReader = { close: () => void }

type FeedListener<Change> = {
  onChange: (change: Change) => void
  /** Something may have been missed: drop all that is held of this owner. */
  onReset: () => void
}

/**
 * Follows an owner's feed. A gap in a writer's numbers, a writer seen first, one that went silent for `silentMs`
 * without leaving (30 s: it may have died between its commit and its message), and a reconnect are resets.
 */
export const readFeed = <Change extends TSchema>(
  bus: Bus,
  feed: FeedContract<Change>,
  { onChange, onReset }: FeedListener<Static<Change>>,
  { silentMs = 30_000, now = Date.now } = {}
): FeedReader => {
  const writers = new Map<string, { number: number; heardAt: number }>()
  const reset = () => {
    writers.clear()
    onReset()
  }
  const subscription = bus.connection.subscribe(feed.subject, {
    callback: (failure, message) => {
      const envelope = failure ? undefined : parse(message)
      if (!matches(Envelope, envelope)) return reset()
      const known = writers.get(envelope.writer)
      if (known?.number !== envelope.number - 1) onReset()
      writers.set(envelope.writer, { number: envelope.number, heardAt: now() })
      if (envelope.is_leaving) writers.delete(envelope.writer)
      for (const change of envelope.changes) matches(feed.change, change) ? onChange(change) : onReset()
    }
  })
  const watch = setInterval(() => {
    for (const [writer, { heardAt }] of writers) {
      if (now() - heardAt < silentMs) continue
      writers.delete(writer)
      onReset()
    }
  }, silentMs / 6)
  const forgetReconnects = bus.onReconnect(reset)
  return {
    close: () => {
      clearInterval(watch)
      forgetReconnects()
      if (!bus.connection.isClosed()) subscription.unsubscribe()
    }
  }
}
