import { join, resolve } from 'node:path'
import {
  checkGiven,
  findPrograms,
  type GivenServers,
  inRepository,
  loadSecrets,
  type Platform,
  type Program,
  readGiven,
  startPlatform
} from '@onbehalf/testkit'
import { readArguments, readPort } from './start/arguments.ts'
import { helpText } from './start/help.ts'
import { lockDirectory } from './start/lock.ts'
import { say, secondsSince, tellStory, tellUrls } from './start/tell.ts'

// Brings everything up, runs the main job once, and stays up until it is told to stop.
const startedAt = performance.now()
const directory = resolve(process.env.ONBEHALF_DATA || inRepository('.data/start'))

const stopped = new Promise<'stopped'>((resolve) => {
  // A terminal's Ctrl-C comes twice: from the terminal, and forwarded by npm.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve('stopped'))
})

const progress = (line: string) => say(`· ${line}`)

const bringUp = async (given: GivenServers, port: number): Promise<Platform> => {
  const secretsFile = join(directory, 'secrets.json')
  await checkGiven(given, loadSecrets(secretsFile).natsPasswords)
  const wanted: Program[] = ['caddy']
  if (!given.natsUrl) wanted.push('nats-server')
  if (!given.redisUrl) wanted.push('redis-server')
  await findPrograms(wanted, { onProgress: progress })
  return startPlatform({ directory, port, given, onProgress: progress, secretsFile })
}

const run = async (platform: Platform, { isOnce, port }: { isOnce: boolean; port: number }): Promise<number> => {
  progress(`everything is up after ${secondsSince(startedAt)}`)
  say(`· gateway ${platform.publicUrl}${platform.publicUrl.endsWith(`:${port}`) ? '' : ` (${port} is taken)`}\n`)
  const world = { platform, callers: new Map(), ids: new Map() }
  const told = await Promise.race([tellStory(world, join(directory, 'logs')), stopped])
  if (told === 'stopped') return 130
  if (told) say(`\nThe story is done after ${secondsSince(startedAt)}.`)
  if (!told || isOnce) return told ? 0 : 1
  tellUrls(platform)
  await stopped
  say('\nstopping')
  return 0
}

const start = async (isOnce: boolean): Promise<number> => {
  const given = readGiven(process.env)
  const port = readPort(process.env.ONBEHALF_PORT)
  const unlock = lockDirectory(directory)
  try {
    const platform = await Promise.race([bringUp(given, port), stopped])
    // What was started by then ends with this process.
    if (platform === 'stopped') return 130
    try {
      return await run(platform, { isOnce, port })
    } finally {
      await platform.stop()
    }
  } finally {
    unlock()
  }
}

const main = async (): Promise<number> => {
  const { isOnce, isHelp } = readArguments(process.argv.slice(2))
  if (!isHelp) return start(isOnce)
  say(helpText)
  return 0
}

process.exit(
  await main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error))
    return 1
  })
)
