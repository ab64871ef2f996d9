// Runs scripts/<command>.ts with the pinned Node, after installing what the lockfile names.
// Plain JavaScript for Node >= 20 and without dependencies, because nothing is installed yet when it starts.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const pinnedNode = join(root, 'node_modules/.bin/node')
const stampFile = join(root, 'node_modules/.onbehalf-installed')
const lockFile = join(root, '.data/install.lock')
// What Node made of the sources is kept for the next time: a third of what a start costs.
const compileCache = { NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/onbehalf') }
const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))

const childrenOf = (folder) => readdirSync(join(root, folder)).map((name) => join(folder, name, 'package.json'))

/** One digest over everything an install depends on. */
const currentStamp = () => {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`)
  const workspace = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json']
  for (const file of [...workspace, ...childrenOf('packages'), ...childrenOf('services')].sort()) {
    if (existsSync(join(root, file))) hash.update(file).update(readFileSync(join(root, file)))
  }
  return hash.digest('hex')
}

const isInstalled = () =>
  existsSync(pinnedNode) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === currentStamp()

/** Linux: the kernel signals the child when we are gone, kill -9 included. */
const withDeathSignal = (command, args) => {
  const onlyUnder = 'test "$PPID" = "$0" || exit 1; exec "$@"'
  const guard = ['--pdeathsig', 'TERM', 'sh', '-c', onlyUnder, String(process.pid), command, ...args]
  return setpriv === undefined ? [command, args] : [setpriv, guard]
}

/** Elsewhere: a shell that waits for the end of a pipe which only we hold. */
const watchFromPipe = (child) => {
  const args = ['-c', 'cat > /dev/null; kill -s TERM "$0" 2> /dev/null', String(child.pid)]
  const watcher = spawn('sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  watcher.unref()
  child.once('exit', () => watcher.kill('SIGKILL'))
}

/** npm killed with -9 leaves us to another parent; whoever started us directly may leave on purpose. */
const watchNpm = (child) => {
  const parent = process.ppid
  const timer = setInterval(() => process.ppid === parent || child.kill('SIGTERM'), 500)
  child.once('exit', () => clearInterval(timer))
}

/** Runs to its end with our terminal and our signals; answers with the exit code a shell would report. */
const run = (command, args) =>
  new Promise((resolve, reject) => {
    const child = spawn(...withDeathSignal(command, args), {
      stdio: 'inherit',
      cwd: root,
      env: { ...compileCache, ...process.env }
    })
    const forward = (signal) => child.kill(signal)
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const signal of signals) process.on(signal, forward)
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      for (const name of signals) process.off(name, forward)
      resolve(code ?? 128 + constants.signals[signal])
    })
    if (setpriv === undefined) watchFromPipe(child)
    if (process.env.npm_lifecycle_event !== undefined) watchNpm(child)
  })

const isAlive = (pid) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Start and test may begin together in a fresh clone: the second waits for the first one's install. */
const withLock = async (work) => {
  mkdirSync(dirname(lockFile), { recursive: true })
  for (let said = false; ; ) {
    try {
      writeFileSync(lockFile, String(process.pid), { flag: 'wx' })
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const holder = Number(readFileSync(lockFile, 'utf8'))
    if (holder > 0 && !isAlive(holder)) rmSync(lockFile, { force: true })
    if (!said) console.error(`waiting for another install (process ${holder})`)
    said = true
    await sleep(200)
  }
  try {
    return await work()
  } finally {
    rmSync(lockFile, { force: true })
  }
}

const install = async () => {
  if (isInstalled()) return 0
  console.error('installing what the lockfile names (the first time takes a while)')
  const code = await run('npx', ['--yes', 'pnpm@12.21.0', 'install', '--frozen-lockfile'])
  if (code === 0) writeFileSync(stampFile, currentStamp())
  return code
}

const [command = '', ...args] = process.argv.slice(2)
const script = join(root, 'scripts', `${command}.ts`)
if (!/^[\w-]+$/.test(command) || !existsSync(script)) {
  const commands = readdirSync(join(root, 'scripts')).filter((name) => /^[\w-]+\.ts$/.test(name))
  console.error(
    `usage: node scripts/bootstrap.mjs <${commands.map((name) => name.slice(0, -3)).join(' | ')}> [arguments]`
  )
  process.exit(2)
}
const installCode = isInstalled() ? 0 : await withLock(install)
process.exitCode = installCode === 0 ? await run(pinnedNode, [script, ...args]) : installCode
