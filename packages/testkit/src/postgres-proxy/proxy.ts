import { createServer, type Socket } from 'node:net'
import { listen } from '../http/listen.ts'
import type { Commit } from './commits.ts'
import { leadConnection, type Stop } from './connection.ts'

/** A commit that waits: before Postgres sees it, or with its client not told of it yet. */
export type HeldCommit = {
  /** Lets it go on. */
  release: () => void
  /** Ends its connection; what Postgres did not see yet it never does. */
  drop: () => void
}

export type PostgresProxy = {
  /** The same database as the same user, by way of this. */
  urlFor: (url: string) => string
  /** The next commit of a statement like this, once it is there; one without a transaction commits itself. */
  holdCommit: (at: Stop['at'], statement: RegExp) => Promise<HeldCommit>
  /** Postgres is gone: every connection is cut, and whoever comes is sent away. */
  cut: () => void
  restore: () => void
  /** How many were sent away since the last cut. */
  sentAway: () => number
  /** How many are connected. */
  connections: () => number
  stop: () => Promise<void>
}

type Wanted = Pick<Stop, 'at'> & { statement: RegExp; held: (commit: HeldCommit) => void }

const hold = ({ held }: Wanted): Promise<boolean> =>
  new Promise((goOn) => held({ release: () => goOn(true), drop: () => goOn(false) }))

/** A way to Postgres that sees what is asked, and can stop at a commit or be cut. */
export const startPostgresProxy = async (databaseUrl: string): Promise<PostgresProxy> => {
  const postgresPort = Number(new URL(databaseUrl).port)
  const clients = new Set<Socket>()
  const wanted: Wanted[] = []
  let isCut = false
  let away = 0

  const findStop = ({ statements }: Commit): Stop | undefined => {
    const index = wanted.findIndex(({ statement }) => statements.some((one) => statement.test(one)))
    const [found] = index < 0 ? [] : wanted.splice(index, 1)
    return found && { at: found.at, pass: () => hold(found) }
  }
  const server = createServer((client) => {
    if (isCut) {
      away += 1
      return client.destroy()
    }
    clients.add(client)
    client.on('close', () => clients.delete(client))
    return leadConnection(client, postgresPort, findStop)
  })
  const port = await listen(server)
  const cutAll = () => {
    for (const client of clients) client.destroy()
  }
  return {
    urlFor: (url) => {
      const changed = new URL(url)
      changed.port = String(port)
      return changed.href
    },
    holdCommit: (at, statement) => new Promise((held) => wanted.push({ at, statement, held })),
    cut: () => {
      isCut = true
      away = 0
      cutAll()
    },
    restore: () => {
      isCut = false
    },
    sentAway: () => away,
    connections: () => clients.size,
    stop: async () => {
      cutAll()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await closed
    }
  }
}
