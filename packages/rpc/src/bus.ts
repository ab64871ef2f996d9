import { connect, type NatsConnection, type Status } from 'nats'
import { type Inbox, openInbox } from './inbox.ts'

/** A connection to NATS as one service. */
export type Bus = {
  /** The service this connection speaks as; also its NATS user and the prefix of its inbox. */
  service: string
  connection: NatsConnection
  inbox: Inbox
  isConnected: () => boolean
  /** Calls `listener` after every reconnect, until what it gives back is called. */
  onReconnect: (listener: () => void) => () => void
  /** Lets calls under way finish, then closes. */
  drain: () => Promise<void>
}

export type BusOptions = { url: string; user: string; password: string; service: string; timeoutMs?: number }

/** Connects to NATS, or throws within `timeoutMs` (5 s); later disconnects are mended by itself, without end. */
export const connectBus = async ({ url, user, password, service, timeoutMs = 5_000 }: BusOptions): Promise<Bus> => {
  const connecting = connect({
    servers: url.split(','),
    user,
    pass: password,
    name: service,
    timeout: timeoutMs,
    maxReconnectAttempts: -1,
    // While passwords are changed the server refuses us for a while; that is no reason to stay away for good.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: 10_000,
    maxPingOut: 2
  })
  const connection = await connectedWithin(connecting, timeoutMs)
  const state = { connected: true }
  const listeners = new Set<() => void>()
  // The client never ends this iteration, not even when the connection is closed, so nobody may wait for it.
  const inbox = openInbox(connection, service)
  watch(connection, inbox, state, listeners).catch(() => {})
  return {
    service,
    connection,
    inbox,
    isConnected: () => state.connected,
    onReconnect: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    drain: async () => {
      if (state.connected && !connection.isClosed()) await connection.drain()
      // A server that goes away while we drain leaves the connection open, and trying to come back.
      if (!connection.isClosed()) await connection.close()
    }
  }
}

/** The client's own timeout begins anew with every server it knows. */
const connectedWithin = (connecting: Promise<NatsConnection>, timeoutMs: number): Promise<NatsConnection> =>
  new Promise((resolve, reject) => {
    const giveUp = () => {
      reject(new Error(`no answer in ${timeoutMs} ms`))
      connecting.then((connection) => connection.close()).catch(() => {})
    }
    const timer = setTimeout(giveUp, timeoutMs)
    connecting.finally(() => clearTimeout(timer)).then(resolve, reject)
  })

const watch = async (
  connection: NatsConnection,
  inbox: Inbox,
  state: { connected: boolean },
  listeners: ReadonlySet<() => void>
) => {
  for await (const status of connection.status()) {
    const refused = subjectRefused(status)
    if (refused) inbox.refuse(refused)
    if (status.type === 'disconnect') state.connected = false
    if (status.type !== 'reconnect') continue
    state.connected = true
    for (const listener of listeners) listener()
  }
}

const subjectRefused = ({ permissionContext }: Status): string | undefined =>
  permissionContext?.operation === 'publish' ? permissionContext.subject : undefined
