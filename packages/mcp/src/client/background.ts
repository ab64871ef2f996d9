/** Work nobody waits for, which still has an owner: `settle` waits for all of it. */
export type Background = { run: (work: () => Promise<unknown>) => void; settle: () => Promise<void> }

/** A place for clean-up. What fails here is lost on purpose: the answer it belongs to has been given. */
export const createBackground = (): Background => {
  const running = new Set<Promise<unknown>>()
  return {
    run: (work) => {
      const promise: Promise<unknown> = work()
        .catch(() => undefined)
        .finally(() => running.delete(promise))
      running.add(promise)
    },
    settle: async () => {
      while (running.size > 0) await Promise.all(running)
    }
  }
}
