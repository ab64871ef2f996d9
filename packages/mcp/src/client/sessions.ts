import { type CallSignal, untilAborted } from '@onbehalf/egress'
import type { Background } from './background.ts'
import type { McpLimits } from './limits.ts'
import type { Answer, Send } from './protocol.ts'
import type { Wires } from './target.ts'

/** A legacy server's session. `id` is missing where the server keeps none. */
export type Session = {
  id: string | undefined
  protocolVersion: string
  /** Whether the server says when its list of tools has changed. */
  tellsOfToolChanges: boolean
  /** The only way to reach a server of HTTP+SSE (2024-11-05): by the stream that its session is. */
  send?: Send
  /** What the last request in it came with: the first one's token may have ended since. */
  headers: Record<string, string>
  /** Requests of the server that are being answered: those on a stream of its own reach every call. */
  answering: Set<unknown>
  /** The least severe log messages that the server was told are wanted. */
  logLevel?: string
  end: () => Promise<void>
}

/** The way to a session's server. */
export const wiresOf = (wires: Wires, { send }: Pick<Session, 'send'>): Wires => (send ? { ...wires, send } : wires)

/** A session for the time of one call. */
export type Lease = {
  session: Session
  /** Whether an earlier call used it, so that the server may have forgotten it meanwhile. */
  isKnown: boolean
  release: () => void
  /** Never hands it out again; it ends when its last call has. */
  drop: () => void
}

/** A server, and what its caller says that tells him from all others. */
export type SessionKey = { url: string; sessionKey: string }

export type SessionPool = {
  /** Those that are open or opening, and where. */
  held: (isMeant: (sessionKey: string) => boolean) => { url: string; opening: Promise<Session> }[]
  acquire: (key: SessionKey, open: () => Promise<Session>, signal: CallSignal) => Promise<Lease>
  drop: (isMeant: (sessionKey: string) => boolean) => void
}

// 404 is the rule (2025-11-25, session management); the SDK's own examples answer 400 and speak of the session.
export const isSessionGone = (answer: Answer, { id, send }: Session): boolean => {
  if ((id === undefined && !send) || answer.kind === 'result') return false
  if (answer.kind === 'refused') return answer.status === 404
  return answer.status === 404 || (answer.status === 400 && /\bsession\b/i.test(answer.error.message))
}

type Entry = {
  key: string
  url: string
  sessionKey: string
  opening: Promise<Session>
  isOpen: boolean
  users: number
  isDropped: boolean
  idleSince: number
}

/**
 * Keeps sessions by key. Equal keys share a session, so a key must name everything that makes two callers different.
 * One that is dropped, idle for too long or crowded out is ended at the server once nobody uses it.
 */
export const createSessionPool = (
  limits: Pick<McpLimits, 'sessionsMax' | 'sessionIdleMs'>,
  background: Background,
  now: () => Date
): SessionPool => {
  const entries = new Map<string, Entry>()

  const end = (entry: Entry) => background.run(async () => (await entry.opening).end())

  const remove = (entry: Entry) => {
    const { key } = entry
    if (entries.get(key) === entry) entries.delete(key)
    if (entry.isDropped) return
    entry.isDropped = true
    if (entry.users === 0) end(entry)
  }

  // The map is ordered by last use, so the first ones are the longest unused.
  const sweep = () => {
    const idleBefore = now().getTime() - limits.sessionIdleMs
    for (const entry of entries.values()) {
      const isIdle = entry.users === 0 && entry.idleSince < idleBefore
      if (!isIdle && entries.size <= limits.sessionsMax) return
      remove(entry)
    }
  }

  const begin = (key: string, { url, sessionKey }: SessionKey, open: () => Promise<Session>): Entry => {
    const unused = { isOpen: false, users: 0, isDropped: false, idleSince: 0 }
    const entry: Entry = { key, url, sessionKey, opening: open(), ...unused }
    background.run(() =>
      entry.opening.then(
        () => {
          entry.isOpen = true
        },
        () => remove(entry)
      )
    )
    return entry
  }

  const acquire: SessionPool['acquire'] = async (wanted, open, signal) => {
    sweep()
    const key = JSON.stringify([wanted.url, wanted.sessionKey])
    const found = entries.get(key)
    const entry = found ?? begin(key, wanted, open)
    const isKnown = entry.isOpen
    entry.users += 1
    // By its own key and not by an equal one: former tables of the Map hold on to their keys for long.
    entries.delete(entry.key)
    entries.set(entry.key, entry)
    sweep()
    let isHeld = true
    const release = () => {
      if (!isHeld) return
      isHeld = false
      entry.users -= 1
      entry.idleSince = now().getTime()
      if (entry.users === 0 && entry.isDropped) end(entry)
    }
    try {
      const session = await untilAborted(entry.opening, signal)
      return { session, isKnown, release, drop: () => remove(entry) }
    } catch (thrown) {
      release()
      throw thrown
    }
  }

  const drop: SessionPool['drop'] = (isMeant) => {
    for (const entry of entries.values()) if (isMeant(entry.sessionKey)) remove(entry)
  }

  return {
    acquire,
    drop,
    held: (isMeant) => [...entries.values()].filter(({ sessionKey }) => isMeant(sessionKey))
  }
}
