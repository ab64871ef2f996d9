import { exchangeMs, type Replica, type Tell, type World, wants } from './world.ts'

type Disruption = (world: World) => void

const replicaOf = ({ random, replicas }: World): Replica | undefined => {
  const alive = replicas.filter(({ isAlive, isPaused }) => isAlive && !isPaused)
  return alive[random.below(alive.length)]
}
type Named = [name: string, happen: Disruption]
type OfUser = (world: World, user: string) => void

/** Shorter than an exchange, longer than it, or longer than the lease. */
const whileOf = ({ random }: World): number => random.between(1, 8) * (exchangeMs / 4)

const crash: Disruption = (world) => {
  const replica = replicaOf(world)
  if (!replica) return
  Object.assign(replica, { isAlive: false, wasKilled: true })
  const { random, users, start, call } = world
  call(start(), random.pick(users), wants[0], whileOf(world) * 2)
}

const pause: Disruption = (world) => {
  const replica = replicaOf(world)
  if (replica) world.pause(replica, whileOf(world))
}

const leave: Disruption = (world) => {
  const replica = replicaOf(world)
  if (!replica) return
  const left = replica.refresher.settle().then(() => {
    replica.isAlive = false
  })
  left.catch(() => {})
}

const cutOff: Disruption = (world) => {
  const replica = replicaOf(world)
  if (!replica) return
  replica.isCutOff = true
  world.scheduler.after(undefined, whileOf(world), () => {
    replica.isCutOff = false
  })
}

const goAway =
  (what: 'isDatabaseAway' | 'isBusAway'): Disruption =>
  (world) => {
    world.network.state[what] = true
    world.scheduler.after(undefined, whileOf(world), () => {
      world.network.state[what] = false
    })
  }

const revoke: OfUser = ({ model, checks }, user) => {
  model.revoke(user)
  checks.onRevoke(user)
}

const revokeAtServer: OfUser = ({ model, server, checks }, user) => {
  server.revoke(model.rowOf(user).material)
  checks.ended.add(user)
}

const spend: OfUser = ({ model }, user) => {
  for (const token of model.rowOf(user).tokens.values()) token.isSpent = true
}

const ask: OfUser = (world, user) => {
  const replica = replicaOf(world)
  if (replica) world.call(replica, user, world.random.pick(wants), whileOf(world) * 2)
}

/** It hears of its lease when that is about to end, or has ended; and somebody asks another one meanwhile. */
const pauseAtLease: Disruption = (world) => {
  const replica = replicaOf(world)
  if (!replica) return
  replica.onLease = (user) => {
    world.pause(replica, whileOf(world) + exchangeMs)
    ask(world, user)
  }
}

const empty: OfUser = (world, user) => {
  world.model.empty(user)
  ask(world, user)
}

const ofUser =
  (work: OfUser): Disruption =>
  (world) =>
    work(world, world.random.pick(world.users))

const disruptions: readonly [Named, ...Named[]] = [
  ['a process is killed', crash],
  ['a process is paused', pause],
  ['a process is paused when it takes a lease', pauseAtLease],
  ['a process leaves', leave],
  ['the database goes away', goAway('isDatabaseAway')],
  ['a process loses the database', cutOff],
  ['the bus goes away', goAway('isBusAway')],
  ['a user signs in', ofUser(({ signIn }, user) => signIn(user))],
  ['tokens are emptied', ofUser(empty)],
  ['a grant is revoked', ofUser(revoke)],
  ['the server ends a grant', ofUser(revokeAtServer)],
  ['tokens come to their end', ofUser(spend)],
  ['somebody asks', ofUser(ask)]
]

/** Some disruptions, at moments that the seed chooses. */
export const disrupt = (world: World, tell: Tell): (() => void) => {
  const { random } = world
  let left = random.below(5)
  return () => {
    if (left === 0 || !random.chance(0.08)) return
    left -= 1
    const [name, happen] = random.pick(disruptions)
    tell?.(`${world.scheduler.now()} ${name}`)
    happen(world)
  }
}
