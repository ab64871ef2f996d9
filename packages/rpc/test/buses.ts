import { ReportedError } from '@onbehalf/errors'
import { type Backends, inRepository, startBackends } from '@onbehalf/testkit'
import type { Test } from 'tap'
import { type Bus, connectBus } from '../src/index.ts'

/** A bus on which every service may say everything; who may say what is the contracts' matter. */
export const openBackends = (t: Test): Promise<Backends> =>
  startBackends(t, { natsConfigFile: inRepository('packages/testkit/test/nats.fixture.conf') })

export type OpenBus = (service: 'identity-broker' | 'tool-invoker') => Promise<Bus>

export const busesOf =
  (t: Test, backends: Backends): OpenBus =>
  async (service) => {
    const { NATS_URL: url = '', NATS_USER: user = '', NATS_PASSWORD: password = '' } = backends.environmentFor(service)
    const bus = await connectBus({ url, user, password, service })
    t.teardown(() => bus.drain())
    return bus
  }

export const inSeconds = (seconds: number) => ({ deadlineAt: Date.now() + seconds * 1000 })

/** How a call was refused, as the asker sees it. */
export const refusalOf = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown
  )
  if (error instanceof ReportedError) return { code: error.code, message: error.message, ...error.extras }
  throw new Error('it was expected to be refused', { cause: error })
}
