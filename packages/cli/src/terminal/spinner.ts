import type { Io } from '../io.ts'

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const frameMs = 100

/** Says what is waited for until `work` ends: turning on a terminal, as one plain line elsewhere. */
export const whileWaiting = async <Result>(io: Io, words: string, work: () => Promise<Result>): Promise<Result> => {
  if (!io.isTerminal) {
    io.tell(words)
    return work()
  }
  let frame = 0
  const timer = setInterval(() => {
    frame += 1
    io.draw(`\r${frames[frame % frames.length]} ${words}`)
  }, frameMs)
  try {
    return await work()
  } finally {
    clearInterval(timer)
    io.draw('\r\u001b[K')
  }
}
