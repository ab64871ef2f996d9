import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'

const comesMs = 60_000

/** The keychain of a desktop, with nobody's secrets in it: a session bus and the keyring on it. Its variables. */
export const startKeychain = async (t: Test, home: string): Promise<Record<string, string>> => {
  const run = join(home, 'run')
  mkdirSync(run, { recursive: true, mode: 0o700 })
  const env = { PATH: process.env.PATH, HOME: home, XDG_RUNTIME_DIR: run, XDG_DATA_HOME: join(home, 'data') }
  mkdirSync(env.XDG_DATA_HOME, { recursive: true })
  const start = (command: string, args: string[], more: Record<string, string> = {}): ChildProcess => {
    const child = spawn(command, args, { env: { ...env, ...more }, stdio: ['pipe', 'pipe', 'ignore'] })
    t.teardown(() => child.kill('SIGKILL'))
    return child
  }
  const bus = start('dbus-daemon', ['--session', '--nofork', '--nopidfile', '--print-address'])
  const DBUS_SESSION_BUS_ADDRESS = await firstLine(bus)
  const keyring = start('gnome-keyring-daemon', ['--foreground', '--unlock', '--components=secrets'], {
    DBUS_SESSION_BUS_ADDRESS
  })
  keyring.stdin?.end('a password that unlocks it')
  const names = ['--session', '--print-reply', '--dest=org.freedesktop.DBus', '/', 'org.freedesktop.DBus.NameHasOwner']
  const hasKeychain = () => {
    const asked = [...names, 'string:org.freedesktop.secrets']
    const { stdout } = spawnSync('dbus-send', asked, { env: { ...env, DBUS_SESSION_BUS_ADDRESS }, encoding: 'utf8' })
    return stdout.includes('boolean true')
  }
  for (const deadline = performance.now() + comesMs; !hasKeychain(); await sleep(20))
    if (performance.now() > deadline) throw new Error('the keyring did not come')
  return { DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR: run, XDG_DATA_HOME: env.XDG_DATA_HOME, ONBEHALF_TOKEN_STORE: '' }
}

const firstLine = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    child.once('error', reject)
    if (child.stdout) createInterface(child.stdout).once('line', resolve)
  })
