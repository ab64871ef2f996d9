import { type TestContext, until } from '@onbehalf/testkit'
import { type Answer as ApiAnswer, apiOf } from '../api.ts'
import { type Broker, logins, type SignedIn, signInAs, startBroker } from '../start.ts'
import { type Answer, audience, type BrokerProcess, startBrokerProcess } from './processes.ts'

/** Somebody who has signed in, and whom nobody else has asked for yet. */
export type Person = SignedIn & { login: string }

/** What a caller who asked for somebody got. */
export type Told = Answer & { login: string; userId: string }

export type World = Broker & {
  /** Three that live. */
  three: () => Promise<[BrokerProcess, BrokerProcess, BrokerProcess]>
  /** Waits until this one of them has gone, and puts another in its place. */
  replace: (process: BrokerProcess, signal: NodeJS.Signals) => Promise<void>
  /** Waits until every process has all of its servers again, and finds mcp-provider. */
  whole: () => Promise<void>
  person: () => Promise<Person>
  signInAgain: (person: Person) => Promise<Person>
  /** Asks a process for a token, and remembers what it told. */
  ask: (process: BrokerProcess, person: Person, signal?: AbortSignal) => Promise<Told>
  /** All that anybody was told. */
  told: Told[]
  owner: SignedIn
  api: (who: SignedIn, method: string, path: string, json?: object) => Promise<ApiAnswer>
  grantOf: (person: Person) => Promise<{ id: string; status: string; dead_reason: string | null }>
  /** How often the IdP was shown each refresh token of this person, in order. */
  presentationsOf: (person: Person) => number[]
}

const people = Array.from({ length: 40 }, (_, index) => `person-${index}`)

/** Three processes of the service over the same servers, each with its own way to Postgres, and one IdP that rotates. */
export const startWorld = async (t: TestContext): Promise<World> => {
  const users = people.map((sub) => ({ sub, email: `${sub}@acme.test`, email_verified: true, name: sub }))
  const broker = await startBroker(t, { users })
  broker.register(audience, { server_identifier: 'tools', external: true })
  const api = apiOf(broker)
  const start = () => startBrokerProcess(t, broker)
  const running = new Map([1, 2, 3].map((slot) => [slot, start()]))
  const unused = [...people]
  const told: Told[] = []
  const three: World['three'] = async () => {
    const [one, two, more] = await Promise.all(running.values())
    if (!one || !two || !more) throw new Error('there are three')
    return [one, two, more]
  }
  const signIn = async (login: string): Promise<Person> => ({ ...(await signInAs(broker, login)), login })
  await three()
  return {
    ...broker,
    three,
    replace: async (process, signal) => {
      process.signal(signal)
      await process.exited
      for (const [slot, one] of running) if ((await one) === process) running.set(slot, start())
    },
    whole: async () => {
      const urls = [broker.publicUrl, ...(await three()).map(({ url }) => url)]
      await until(async () => (await Promise.all(urls.map(isWhole))).every(Boolean), 60)
      // Its connection to NATS comes back by itself, and none of theirs tells of that.
      await broker.mcpProvider.comeBack()
    },
    person: () => signIn(unused.shift() ?? ''),
    signInAgain: ({ login }) => signIn(login),
    ask: async (process, person, signal) => {
      const { login, userId } = person
      const one = { ...(await process.ask(person, signal)), login, userId }
      told.push(one)
      return one
    },
    told,
    owner: await signInAs(broker, logins.owner),
    api,
    grantOf: async (person) => (await api(person, 'GET', '/v1/grants')).body.data[0],
    presentationsOf: ({ login }) => {
      const counts = new Map<string, number>()
      const all = broker.idp.presentations()
      const own = new Set(all.filter(({ sub }) => sub === login).map(({ token }) => token))
      for (const { token } of all) if (own.has(token)) counts.set(token, (counts.get(token) ?? 0) + 1)
      return [...counts.values()]
    }
  }
}

const isWhole = async (url: string): Promise<boolean> => {
  const ready = await fetch(`${url}/readyz`)
  return (await ready.text()).includes('"ready"')
}
