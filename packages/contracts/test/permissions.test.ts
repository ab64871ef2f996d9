import { ReportedError } from '@onbehalf/errors'
import { call, readFeed, serve } from '@onbehalf/rpc'
import { startBackends } from '@onbehalf/testkit'
import { openBusAs } from '@onbehalf/testkit/players'
import t from 'tap'
import {
  calls,
  feeds,
  identityChanges,
  issueToken,
  permissionsOf,
  type ServiceName,
  serviceNames
} from '../src/index.ts'

const isService = (name: string): name is ServiceName => serviceNames.some((service) => service === name)
const request = { principal: 'ticket', provider: 'ticket' }
const soon = () => ({ deadlineAt: Date.now() + 20_000 })

t.test('who may do what on the bus', async (t) => {
  const broker = 'identity-broker'
  const provider = 'mcp-provider'
  const device = 'device-auth'
  const repliesOf = (owner: string, askers: string[]) => askers.map((asker) => `_INBOX.${asker}.${owner}.>`)
  const feed = (owner: string) => `${owner}.changes.v1`
  t.same(permissionsOf('identity-broker'), {
    publish: [
      `${device}.keys.list.v1`,
      feed(broker),
      `${broker}.refresh-owner.v1`,
      `${provider}.audience.list.v1`,
      `${provider}.authorization.find.v1`,
      `${provider}.keys.list.v1`,
      `${device}.bearer.resolve.v1`,
      ...repliesOf(broker, [broker, device, provider, 'tool-invoker'])
    ].sort(),
    subscribe: [
      '_INBOX.identity-broker.>',
      feed(device),
      `${broker}.api-key.resolve.v1`,
      feed(broker),
      `${broker}.device-sso.start.v1`,
      `${broker}.keys.list.v1`,
      `${broker}.refresh-owner.v1`,
      `${broker}.session.resolve.v1`,
      `${broker}.token.issue.v1`,
      `${broker}.user.find.v1`
    ]
  })
  t.same(permissionsOf('mcp-provider'), {
    publish: [
      `${device}.bearer.resolve.v1`,
      `${device}.keys.list.v1`,
      `${broker}.api-key.resolve.v1`,
      `${broker}.keys.list.v1`,
      `${broker}.session.resolve.v1`,
      `${broker}.token.issue.v1`,
      `${broker}.user.find.v1`,
      feed(provider),
      `${provider}.credential-owner.v1`,
      ...repliesOf(provider, [broker, 'tool-invoker', provider])
    ].sort(),
    subscribe: [
      '_INBOX.mcp-provider.>',
      feed(device),
      feed(broker),
      `${provider}.audience.list.v1`,
      `${provider}.authorization.find.v1`,
      feed(provider),
      `${provider}.credential-owner.v1`,
      `${provider}.credential.fresh.v1`,
      `${provider}.keys.list.v1`,
      `${provider}.provider.list.v1`,
      `${provider}.provider.resolve.v1`,
      `${provider}.tool.find.v1`,
      `${provider}.tool.list.v1`
    ]
  })
  t.same(permissionsOf('tool-invoker'), {
    publish: [
      `${device}.bearer.resolve.v1`,
      `${broker}.api-key.resolve.v1`,
      `${broker}.keys.list.v1`,
      `${broker}.session.resolve.v1`,
      `${broker}.token.issue.v1`,
      `${provider}.credential.fresh.v1`,
      `${provider}.provider.list.v1`,
      `${provider}.provider.resolve.v1`,
      `${provider}.tool.find.v1`,
      `${provider}.tool.list.v1`,
      'tool-invoker.session-message.v1',
      ...repliesOf('tool-invoker', ['tool-invoker'])
    ].sort(),
    subscribe: ['_INBOX.tool-invoker.>', feed(device), feed(broker), feed(provider), 'tool-invoker.session-message.v1']
  })
  t.same(permissionsOf('device-auth'), {
    publish: [
      ...[
        feed(device),
        `${broker}.api-key.resolve.v1`,
        `${broker}.device-sso.start.v1`,
        `${broker}.keys.list.v1`,
        `${broker}.session.resolve.v1`,
        `${broker}.user.find.v1`
      ],
      ...repliesOf(device, [broker, provider, 'tool-invoker'])
    ].sort(),
    subscribe: [
      '_INBOX.device-auth.>',
      `${device}.bearer.resolve.v1`,
      feed(device),
      `${device}.keys.list.v1`,
      feed(broker)
    ]
  })
})

t.test('nobody answers or writes in the name of another, and no inbox overlaps', async (t) => {
  for (const service of serviceNames) {
    const { publish, subscribe } = permissionsOf(service)
    const others = serviceNames.filter((name) => name !== service)
    for (const { owner, subject } of calls) t.equal(subscribe.includes(subject), owner === service, subject)
    for (const { owner, subject } of feeds) t.equal(publish.includes(subject), owner === service, subject)
    const wide = publish.filter((subject) => /[*>]|_INBOX/.test(subject))
    t.ok(
      wide.every((subject) => new RegExp(`^_INBOX\\.[a-z-]+\\.${service}\\.>$`).test(subject)),
      'only replies, and only as itself'
    )
    t.same(
      subscribe.filter((subject) => /[*>]|_INBOX/.test(subject)),
      [`_INBOX.${service}.>`]
    )
    t.notOk(others.some((name) => `_INBOX.${name}.x`.startsWith(`_INBOX.${service}.`)))
  }
})

t.test(
  'every call and feed belongs to a service, is for services, and has a subject and codes of its own',
  async (t) => {
    for (const { owner, callers, subject } of calls) {
      t.ok(isService(owner), subject)
      t.ok(callers.length > 0 && callers.every(isService), subject)
      t.match(subject, /^[a-z-]+(\.[a-z-]+)+\.v\d+$/)
    }
    for (const { owner, readers, subject } of feeds) t.ok([owner, ...readers].every(isService), subject)
    const subjects = [...calls, ...feeds].map(({ subject }) => subject)
    t.equal(new Set(subjects).size, subjects.length)
  }
)

t.test('the generated server configuration holds: tool-invoker may ask for a token, device-auth may not', async (t) => {
  const backends = await startBackends(t)
  const [broker, invoker, device] = await Promise.all([
    openBusAs(t, backends, 'identity-broker'),
    openBusAs(t, backends, 'tool-invoker'),
    openBusAs(t, backends, 'device-auth')
  ])
  let asked = 0
  const served = serve(broker, issueToken, async () => {
    asked += 1
    throw new ReportedError('no_refresh_token', 'Sign in first.')
  })
  t.teardown(() => served.stop())
  await broker.connection.flush()
  await t.rejects(call(invoker, issueToken, request, soon()), { code: 'no_refresh_token' })
  await t.rejects(call(device, issueToken, request, soon()), { code: 'unavailable' })
  t.equal(asked, 1)

  const overheard: string[] = []
  const refused: string[] = []
  const forbidden = ['_INBOX.tool-invoker.>', '_INBOX.>', '>', issueToken.subject]
  for (const subject of forbidden)
    device.connection.subscribe(subject, {
      callback: (failure, message) => (failure ? refused.push(subject) : overheard.push(message.subject))
    })
  await device.connection.flush()
  await t.rejects(call(invoker, issueToken, request, soon()), { code: 'no_refresh_token' })
  t.same([overheard, refused.sort()], [[], forbidden.sort()])
  t.equal(asked, 2)
})

t.test('a change written by another service reaches nobody', async (t) => {
  const backends = await startBackends(t)
  const [invoker, device] = await Promise.all([
    openBusAs(t, backends, 'tool-invoker'),
    openBusAs(t, backends, 'device-auth')
  ])
  let heard = 0
  const count = () => {
    heard += 1
  }
  const reader = readFeed(invoker, identityChanges, { onChange: count, onReset: count })
  await invoker.connection.flush()
  const envelope = { writer: 'w', number: 1, changes: [], is_leaving: false }
  device.connection.publish(identityChanges.subject, JSON.stringify(envelope))
  await device.connection.flush()
  await invoker.connection.flush()
  t.equal(heard, 0)
  reader.close()
})

t.test('no service gets a right out of a reply subject that it made up', async (t) => {
  const backends = await startBackends(t)
  const [broker, invoker, device] = await Promise.all([
    openBusAs(t, backends, 'identity-broker'),
    openBusAs(t, backends, 'tool-invoker'),
    openBusAs(t, backends, 'device-auth')
  ])
  const heard: string[] = []
  const hear = (bus: typeof broker, subject: string) =>
    bus.connection.subscribe(subject, { callback: (_failure, message) => void heard.push(message.subject) })
  hear(broker, issueToken.subject)
  hear(invoker, identityChanges.subject)
  hear(device, 'device-auth.changes.v1')
  const inbox = '_INBOX.tool-invoker.identity-broker.guessed'
  hear(invoker, '_INBOX.tool-invoker.>')
  await Promise.all([broker, invoker, device].map((bus) => bus.connection.flush()))
  for (const wanted of [issueToken.subject, identityChanges.subject, inbox]) {
    // Its own feed, which it also reads: with allow_responses NATS would now let it write to the reply.
    device.connection.publish('device-auth.changes.v1', '', { reply: wanted })
    await device.connection.flush()
    device.connection.publish(wanted, 'forged')
    await device.connection.flush()
  }
  await Promise.all([broker, invoker].map((bus) => bus.connection.flush()))
  t.same(new Set(heard), new Set(['device-auth.changes.v1']))
})
