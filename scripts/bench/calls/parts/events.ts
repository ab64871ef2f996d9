import { request } from 'node:http'
import type { Part } from '../part.ts'
import { median } from '../table.ts'
import { callOf } from '../texts.ts'

const streams = 4

/** How long a server's event takes to whoever made the call. */
export const events: Part = async ({ gateway }) => {
  const delays: number[] = []
  for (let stream = 0; stream < streams; stream += 1) delays.push(...(await readStream(gateway.origin)))
  const sorted = delays.toSorted((one, other) => one - other)
  const p99 = sorted[Math.floor((sorted.length - 1) * 0.99)] ?? Number.NaN
  return [
    { what: 'an event passes within (median)', value: median(delays), unit: 'ms', target: 1 },
    { what: 'an event passes within (p99)', value: p99, unit: 'ms' }
  ]
}

const readStream = (origin: string): Promise<number[]> => {
  const { path, headers, body } = callOf({ mode: 'idp_token', way: 'events', accept: 'text/event-stream' })
  const { promise, resolve, reject } = Promise.withResolvers<number[]>()
  const delays: number[] = []
  const asked = request(`${origin}${path}`, { method: 'POST', headers }, (answer) => {
    answer.setEncoding('utf8').on('data', (text: string) => {
      const now = performance.timeOrigin + performance.now()
      for (const [, sentAt] of text.matchAll(/"message":"([\d.]+)"/g)) delays.push(now - Number(sentAt))
    })
    answer.on('end', () => resolve(delays)).on('error', reject)
  })
  asked.on('error', reject).end(body)
  return promise
}
