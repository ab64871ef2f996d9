import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from '../connections.ts'
import type { Part } from '../part.ts'
import { median } from '../table.ts'
import { callText } from '../texts.ts'

/** A token for each call: one question to identity-broker. */
export const signed: Part = async ({ rig, gateway, seconds, warmUpSeconds }) => {
  const text = callText({ mode: 'signed' })
  const { cpuMicroseconds, perSecond } = await rig.measureGateway(gateway, () => text, {
    inFlight: 32,
    seconds,
    warmUpSeconds
  })
  return [
    {
      what: 'signed, 32 in flight: CPU per call',
      value: cpuMicroseconds / 1000,
      unit: 'ms',
      note: `${Math.round(perSecond)}/s`
    }
  ]
}

/** Many at once wait for a tool that takes 100 ms. */
export const slow: Part = async ({ rig, gateway, seconds }) => {
  const text = callText({ mode: 'idp_token', way: 'slow' })
  const load = { inFlight: 1_000, seconds: seconds + 1, warmUpSeconds: 2 }
  const { p50, p99, failures } = await rig.measureGateway(gateway, () => text, load)
  const failed = [...failures.values()].reduce((sum, times) => sum + times, 0)
  return [
    { what: '1,000 in flight at a 100 ms tool: p50', value: p50, unit: 'ms', target: 115 },
    { what: '1,000 in flight at a 100 ms tool: p99', value: p99, unit: 'ms', target: 200 },
    { what: '1,000 in flight at a 100 ms tool: errors', value: failed, unit: '', target: 0 }
  ]
}

/** Answers of 100 KB. */
export const large: Part = async ({ rig, gateway, seconds }) => {
  const text = callText({ mode: 'idp_token', way: 'large' })
  const load = { inFlight: 8, seconds, warmUpSeconds: 2 }
  const { cpuMicroseconds } = await rig.measureGateway(gateway, () => text, load)
  return [{ what: '100 KB answers: CPU per call', value: cpuMicroseconds / 1000, unit: 'ms', target: 0.2 }]
}

const callsPerMs = 1

/** So many a second come whether or not the ones before were answered; each is timed from when it was due. */
export const openLoop: Part = async ({ gateway, seconds }) => {
  const text = callText({ mode: 'idp_token' })
  const times: number[] = []
  const running: Promise<unknown>[] = []
  let failed = 0
  const startedAt = performance.now()
  const total = (seconds + 2) * 1_000 * callsPerMs
  const one = async (dueAt: number) => {
    try {
      await gateway.connections.ask(text)
      times.push(performance.now() - dueAt)
    } catch {
      failed += 1
    }
  }
  for (let sent = 0; sent < total; ) {
    for (; sent < (performance.now() - startedAt) * callsPerMs && sent < total; sent += 1)
      running.push(one(startedAt + sent / callsPerMs))
    await sleep(1)
  }
  await Promise.all(running)
  const sorted = times.slice(total / 4).toSorted((first, second) => first - second)
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN
  return [
    { what: '1,000/s open loop: p50', value: at(0.5), unit: 'ms', target: 1.2 },
    { what: '1,000/s open loop: p99', value: at(0.99), unit: 'ms', target: 6 },
    { what: '1,000/s open loop: errors', value: failed, unit: '', target: 0 }
  ]
}

const changes = 15

/** A provider moves to where its server answers otherwise: how long until a call is answered from there. */
export const setting: Part = async ({ rig, gateway }) => {
  const text = callText({ mode: 'idp_token', way: 'moving' })
  const times: number[] = []
  for (let change = 0; change < changes; change += 1) {
    const way = change % 2 === 0 ? 'moved' : 'moving'
    const startedAt = performance.now()
    rig.neighbours.change('idp-token-moving-0', way)
    for (;;) {
      const { body } = await gateway.connections.ask(text)
      if (body.includes(`/${way}/`)) break
    }
    times.push(performance.now() - startedAt)
  }
  const note = `median ${median(times).toFixed(1)} ms`
  return [{ what: 'a changed setting is seen after (worst)', value: Math.max(...times), unit: 'ms', target: 100, note }]
}

const underWayMs = 50

/**
 * A grant is revoked under a call at each of three replicas: how long until all three were told that they may not. Nobody
 * calls as those people afterwards.
 */
export const revoked: Part = async ({ rig, gateway }) => {
  const others = await Promise.all([rig.startGateway(), rig.startGateway()])
  const replicas = [gateway, ...others]
  const times: number[] = []
  for (let person = 0; person < changes; person += 1) {
    const [quick, endless] = ['echo', 'dead'].map((way) => callText({ mode: 'idp_token', way, person, provider: 1 }))
    const askAll = (text = '') => Promise.all(replicas.map(({ connections }) => connections.ask(text)))
    const expectAll = (told: Answer[], wanted: number) => {
      for (const { status } of told) if (status !== wanted) throw new Error(`${status} where ${wanted} was to come`)
    }
    expectAll(await askAll(quick), 200)
    const underWay = askAll(endless)
    await sleep(underWayMs)
    const startedAt = performance.now()
    rig.neighbours.revoke(person)
    expectAll(await underWay, 428)
    times.push(performance.now() - startedAt)
    expectAll(await askAll(quick), 428)
  }
  await Promise.all(others.map(({ stop }) => stop()))
  const note = `median ${median(times).toFixed(1)} ms`
  const what = 'a revoked grant ends calls at three replicas after (worst)'
  return [{ what, value: Math.max(...times), unit: 'ms', target: 1_000, note }]
}
