import { setImmediate as turn } from 'node:timers/promises'
import { calls, feeds, issueToken, serviceNames } from '@onbehalf/contracts'
import { type Bus, connectBus } from '@onbehalf/rpc'
import { startBackends } from '@onbehalf/testkit'
import t from 'tap'

const backends = await startBackends(t)
type Service = (typeof serviceNames)[number]

const connectAs = async (service: Service): Promise<Bus> => {
  const { NATS_URL: url = '', NATS_USER: user = '', NATS_PASSWORD: password = '' } = backends.environmentFor(service)
  const bus = await connectBus({ service, url, user, password })
  t.teardown(() => bus.drain())
  return bus
}
const buses = {
  'identity-broker': await connectAs('identity-broker'),
  'mcp-provider': await connectAs('mcp-provider'),
  'tool-invoker': await connectAs('tool-invoker'),
  'device-auth': await connectAs('device-auth')
}

const refusals = new Map<Bus, Set<string>>()
for (const bus of Object.values(buses)) {
  const refused = new Set<string>()
  refusals.set(bus, refused)
  const note = async () => {
    for await (const { permissionContext } of bus.connection.status()) {
      if (permissionContext) refused.add(`${permissionContext.operation} ${permissionContext.subject}`)
    }
  }
  note().catch(() => {})
}

/** Whether the server lets this service do it; what it refuses, it says before it answers the ping of `flush`. */
const isAllowed = async (bus: Bus, operation: 'publish' | 'subscription', subject: string): Promise<boolean> => {
  if (operation === 'publish') bus.connection.publish(subject, '{}')
  else bus.connection.subscribe(subject, { callback: () => {} })
  await bus.connection.flush()
  await turn()
  return !refusals.get(bus)?.has(`${operation} ${subject}`)
}

t.test('a token is asked for by tool-invoker and mcp-provider alone', async (t) => {
  for (const service of serviceNames) {
    const mayAsk = issueToken.callers.includes(service)
    t.equal(await isAllowed(buses[service], 'publish', issueToken.subject), mayAsk, service)
  }
  t.notOk(issueToken.callers.includes('device-auth'))
})

t.test('each call is asked by its callers and answered by its owner, by nobody else', async (t) => {
  for (const { subject, callers, owner } of calls) {
    for (const service of serviceNames) {
      const name = `${service} on ${subject}`
      t.equal(await isAllowed(buses[service], 'publish', subject), callers.includes(service), `${name}: ask`)
      t.equal(await isAllowed(buses[service], 'subscription', subject), owner === service, `${name}: answer`)
    }
  }
})

t.test('each feed is written by its owner and read by its readers, by nobody else', async (t) => {
  for (const { subject, readers, owner } of feeds) {
    for (const service of serviceNames) {
      const name = `${service} on ${subject}`
      t.equal(await isAllowed(buses[service], 'publish', subject), owner === service, `${name}: write`)
      t.equal(await isAllowed(buses[service], 'subscription', subject), readers.includes(service), `${name}: read`)
    }
  }
})

t.test('nobody hears the replies of another, or sends one that was not asked for', async (t) => {
  for (const service of serviceNames) {
    for (const other of serviceNames) {
      const inbox = `_INBOX.${other}.reply`
      t.equal(await isAllowed(buses[service], 'subscription', inbox), other === service, `${service} hears ${inbox}`)
      t.notOk(await isAllowed(buses[service], 'publish', inbox), `${service} sends to ${inbox}`)
    }
    for (const wide of ['>', '_INBOX.>', 'identity-broker.>', '$SYS.>'])
      t.notOk(await isAllowed(buses[service], 'subscription', wide), `${service} hears ${wide}`)
  }
})
