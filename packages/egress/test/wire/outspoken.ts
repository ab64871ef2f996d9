import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Test } from 'tap'
import { open, readAll } from '../servers.ts'
import { post } from './play.ts'

/** What so many calls say. */
export const bodies = (calls: number, what: string): string[] =>
  Array.from({ length: calls }, (_, call) => `${what} ${call}`)

/**
 * Plays a server in a thread of its own, which goes on while this one does nothing else: it answers with what it was
 * asked, and says more on all its connections when it is told to. How many requests it took, and how often it said more,
 * is in memory that both threads see.
 */
export const startOutspoken = async (t: Test) => {
  const seen = new Int32Array(new SharedArrayBuffer(8))
  const server = new Worker(new URL('outspoken-server.ts', import.meta.url), { workerData: seen.buffer })
  t.teardown(() => server.terminate())
  const [port] = await once(server, 'message')
  const egress = open(t, { allow: `127.0.0.2:${port}` })
  const ask = async (body: string) => readAll((await egress.open(`http://127.0.0.2:${port}/`, { ...post, body })).body)
  return {
    askAll: (calls: number, what: string) => Promise.all(bodies(calls, what).map(ask)),
    sayMore: () => server.postMessage('say more'),
    /** Does nothing else in this process until so many were seen. */
    block: (what: 'requests' | 'said more', wanted: number) => {
      const place = what === 'requests' ? 0 : 1
      for (let now = seen[place] ?? 0; now < wanted; now = seen[place] ?? 0)
        if (Atomics.wait(seen, place, now, 10_000) === 'timed-out') throw new Error(`${now} of ${wanted} ${what}`)
    }
  }
}
