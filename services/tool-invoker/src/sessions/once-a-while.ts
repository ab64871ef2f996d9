/** Does the work of each key at once, and what comes within the next while once at its end. */
export const onceAWhile = (
  work: (key: string) => void,
  after: (run: () => void) => { unref: () => unknown } = (run) => setTimeout(run, whileMs)
): ((key: string) => void) => {
  const cameAgain = new Map<string, boolean>()
  const run = (key: string): void => {
    if (cameAgain.has(key)) {
      cameAgain.set(key, true)
      return
    }
    cameAgain.set(key, false)
    work(key)
    const over = () => {
      const isDue = cameAgain.get(key) === true
      cameAgain.delete(key)
      if (isDue) run(key)
    }
    // Nobody stays for it who leaves: the servers' sessions end then.
    after(over).unref()
  }
  return run
}

const whileMs = 1_000
