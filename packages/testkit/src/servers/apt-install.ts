import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { withDeathSignal } from './die-with-parent.ts'
import type { Progress } from './find-program.ts'

const installSecondsMax = 600

// A fresh image has package lists; only when they are missing or stale does the first attempt fail. What a package
// enables for the next boot is disabled again: the user asked for programs, not for servers on their machine.
const script = `
enabled() { ls /etc/systemd/system/*.wants 2>/dev/null | grep '[.]service$' | sort -u; }
install() { apt-get install -y --no-install-recommends "$@"; }
before=$(enabled)
install "$@" || { apt-get update && install "$@"; }
status=$?
for unit in $(enabled); do
  echo "$before" | grep -qxF "$unit" || ! command -v systemctl >/dev/null || systemctl disable "$unit"
done
exit $status
`

const environment = {
  ...process.env,
  DEBIAN_FRONTEND: 'noninteractive',
  // We start the servers ourselves, on our own ports: nothing is to be started as a system service.
  SYSTEMD_OFFLINE: '1',
  RUNLEVEL: '1'
}

/** Installs Debian packages. Two at once wait for each other; a failure leaves it to the caller to say what is missing. */
export const aptInstall = (packages: readonly string[], onProgress: Progress = () => {}): Promise<void> =>
  new Promise((resolve) => {
    onProgress(`installing ${packages.join(', ')} with apt-get`)
    const flock = ['-w', String(installSecondsMax), '/var/lock/onbehalf-apt.lock']
    const { command, args } = withDeathSignal(
      { command: 'flock', args: [...flock, 'sh', '-c', script, 'apt-install', ...packages] },
      'SIGTERM'
    )
    const child = spawn(command, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on('line', (line) => {
        if (/^(Get:|Unpacking|Setting up|E:|Err:)/.test(line)) onProgress(line)
      })
    }
    child.once('error', () => resolve())
    child.once('close', () => resolve())
  })
