import { spawn } from 'node:child_process'
import type { Io } from '../io.ts'

const openers: Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler']
}

/** Opens a link that was looked at, without a shell, in `BROWSER` or whatever the system opens links with. */
export const openBrowser = ({ env }: Pick<Io, 'env'>, link: string): void => {
  const [program, ...args] = env.BROWSER ? [env.BROWSER] : (openers[process.platform] ?? ['xdg-open'])
  const child = spawn(program, [...args, link], { stdio: 'ignore', detached: true })
  // Who has none opens the link by hand: it was printed.
  child.on('error', () => {})
  child.unref()
}
