import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'

export type Command = { command: string; args: string[] }

const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))

// The shell closes the gap in which the parent dies before the kernel was asked to tell: then $PPID is another's.
const onlyUnder = `test "$PPID" = "$0" || exit 1; exec "$@"`

/** Linux: the command wrapped so that the kernel signals it when this process dies, however it dies. */
export const withDeathSignal = ({ command, args }: Command, signal: NodeJS.Signals): Command =>
  setpriv === undefined
    ? { command, args }
    : {
        command: setpriv,
        args: ['--pdeathsig', signal.slice('SIG'.length), 'sh', '-c', onlyUnder, String(process.pid), command, ...args]
      }

// The pipe on its standard input ends when this process dies, because no one else holds the other end.
const waitThenKill = `cat > /dev/null; kill -s "$1" "$2" 2> /dev/null; sleep 5; kill -s KILL "$2" 2> /dev/null`

/** Elsewhere (macOS): a small shell that waits for the end of a pipe we hold and then signals the child. */
export const watchFromPipe = (child: ChildProcess, signal: NodeJS.Signals): void => {
  if (child.pid === undefined) return
  const args = ['-c', waitThenKill, 'onbehalf-watch', signal.slice('SIG'.length), String(child.pid)]
  const watcher = spawn('sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  watcher.on('error', () => child.kill('SIGKILL'))
  watcher.unref()
  child.once('exit', () => watcher.kill('SIGKILL'))
}

export const dieWithParent = (child: ChildProcess, signal: NodeJS.Signals): void => {
  if (setpriv === undefined) watchFromPipe(child, signal)
}
