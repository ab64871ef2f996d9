import { createCrowd, type Member } from '@onbehalf/rpc'

/** Work nobody waits for, which still has an owner: `settle` waits for all of it. */
export type Background = { run: (work: () => Promise<unknown>) => void; settle: () => Promise<void> }

type Running = Member & { done: Promise<unknown> }

/** A place for clean-up. What fails here is lost on purpose: the answer it belongs to has been given. */
export const createBackground = (): Background => {
  const crowd = createCrowd<Running>()
  return {
    run: (work) => {
      const done = work()
        .catch(() => undefined)
        .finally(() => crowd.leave(running))
      const running: Running = { place: -1, done }
      crowd.enter(running)
    },
    settle: async () => {
      for (let all = crowd.members(); all.length > 0; all = crowd.members()) {
        await Promise.all(all.map(({ done }) => done))
      }
    }
  }
}
