import { addTotals, none, storyOf, type Totals, totalsOf } from './report.ts'
import { type FileOptions, type FileRun, runFile } from './run-file.ts'

export type Run = { end: Promise<Totals>; kill: () => void }

/** Runs the files, some at a time, and prints the story of each as it ends. */
export const runFiles = (files: string[], options: FileOptions & { jobs: number }): Run => {
  const waiting = [...files]
  const running = new Set<FileRun>()
  let totals = none

  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const run = runFile(file, options)
      running.add(run)
      const end = await run.end
      running.delete(run)
      totals = addTotals(totals, totalsOf(end))
      for (const line of storyOf(end)) console.log(line)
    }
  }

  const kill = (): void => {
    waiting.length = 0
    for (const run of running) run.kill()
  }
  const workers = Array.from({ length: options.jobs }, work)
  return { end: Promise.all(workers).then(() => totals), kill }
}
