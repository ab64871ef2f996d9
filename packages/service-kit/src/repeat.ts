export type Job = { close: () => Promise<void> }

type Needs = {
  everyMs: number
  /** Some of the work; whether there is more of it. */
  step: () => Promise<boolean>
  report: (error: unknown) => void
}

/** Does what there is to do now and every `everyMs`, one step after the other, until it is closed. */
export const repeat = ({ everyMs, step, report }: Needs): Job & { nudge: () => void } => {
  let isClosed = false
  let running = Promise.resolve()
  const work = async () => {
    while (!isClosed && (await step()));
  }
  const nudge = () => {
    running = running.then(work).catch(report)
  }
  nudge()
  const timer = setInterval(nudge, everyMs)
  return {
    nudge,
    close: async () => {
      isClosed = true
      clearInterval(timer)
      await running
    }
  }
}
