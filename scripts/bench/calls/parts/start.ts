import { setTimeout as sleep } from 'node:timers/promises'
import { residentMegabytes } from '../../processor.ts'
import type { Part } from '../part.ts'
import { median } from '../table.ts'
import { callOf } from '../texts.ts'

const starts = 5

/** From the start of the process to the first call that was made for its user. */
export const start: Part = async ({ rig }) => {
  const times: number[] = []
  const sizes: number[] = []
  for (let run = 0; run < starts; run += 1) {
    const startedAt = performance.now()
    const answered = Promise.withResolvers<number>()
    const gateway = await rig.startGateway({
      onOrigin: (origin) => untilRight(origin).then(() => answered.resolve(performance.now() - startedAt))
    })
    times.push(await answered.promise)
    sizes.push(residentMegabytes(gateway.pid))
    await gateway.stop()
  }
  return [
    { what: 'first right answer after the start', value: median(times), unit: 'ms', target: 400 },
    { what: 'memory, idle', value: median(sizes), unit: 'MB', target: 130 }
  ]
}

// A refused connection costs the one who starts nothing.
const untilRight = async (origin: string): Promise<void> => {
  const { path, ...call } = callOf({ mode: 'idp_token' })
  const isRight = () =>
    fetch(`${origin}${path}`, { method: 'POST', ...call }).then(
      ({ status }) => status === 200,
      () => false
    )
  while (!(await isRight())) await sleep(2)
}
