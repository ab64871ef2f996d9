import { connect, type NatsConnection } from 'nats'

/** A connection to NATS as one service. */
export type Bus = {
  /** The service this connection speaks as; also its NATS user and the prefix of its inbox. */
  service: string
  connection: NatsConnection
  isConnected: () => boolean
  /** Resolves once, and again whenever asked, as soon as the bus is connected. */
  onReconnect: (listener: () => void) => void
  /** Lets calls under way finish, then closes. */
  drain: () => Promise<void>
}

export type BusOptions = { url: string; user: string; password: string; service: string; timeoutMs?: number }

/** Connects to NATS, or throws within `timeoutMs` (5 s); later disconnects are mended by itself, without end. */
export const connectBus = async ({ url, user, password, service, timeoutMs = 5_000 }: BusOptions): Promise<Bus> => {
  const connection = await connect({
    servers: url.split(','),
    user,
    pass: password,
    name: service,
    inboxPrefix: `_INBOX.${service}`,
    timeout: timeoutMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: 10_000,
    maxPingOut: 2
  })
  const state = { connected: true }
  const listeners: (() => void)[] = []
  // The client never ends this iteration, not even when the connection is closed, so nobody may wait for it.
  watch(connection, state, listeners).catch(() => {})
  return {
    service,
    connection,
    isConnected: () => state.connected,
    onReconnect: (listener) => {
      listeners.push(listener)
    },
    drain: async () => {
      if (!connection.isClosed()) await (state.connected ? connection.drain() : connection.close())
    }
  }
}

const watch = async (connection: NatsConnection, state: { connected: boolean }, listeners: (() => void)[]) => {
  for await (const { type } of connection.status()) {
    if (type === 'disconnect') state.connected = false
    if (type !== 'reconnect') continue
    state.connected = true
    for (const listener of listeners) listener()
  }
}
