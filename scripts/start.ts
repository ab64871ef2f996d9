import { join } from 'node:path'
import { story, type World } from '@onbehalf/acceptance'
import { findPrograms, inRepository, type Platform, type Program, startPlatform } from '@onbehalf/testkit'
import { printHelp } from './start/help.ts'
import { lockDirectory } from './start/lock.ts'

// Brings everything up, runs the main job once, and stays up until it is told to stop.
const startedAt = performance.now()
const secondsSince = (from: number) => `${((performance.now() - from) / 1000).toFixed(1)} s`
const directory = process.env.ONBEHALF_DATA ?? inRepository('.data/start')
const isOnce = process.argv.includes('--once')
if (process.argv.includes('--help')) {
  printHelp()
  process.exit(0)
}

const stopped = new Promise<'stopped'>((resolve) => {
  // A terminal's Ctrl-C comes twice: from the terminal, and forwarded by npm.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve('stopped'))
})

const given = () => {
  const { DATABASE_URL: databaseUrl, NATS_URL: natsUrl, REDIS_URL: redisUrl } = process.env
  return { ...(databaseUrl && { databaseUrl }), ...(natsUrl && { natsUrl }), ...(redisUrl && { redisUrl }) }
}

const say = (line: string) => console.log(line)
const progress = (line: string) => say(`· ${line}`)

const bringUp = async (): Promise<Platform> => {
  const servers = given()
  const wanted: Program[] = ['caddy']
  if (!servers.natsUrl) wanted.push('nats-server')
  if (!servers.redisUrl) wanted.push('redis-server')
  await findPrograms(wanted, { onProgress: progress })
  return startPlatform({ directory, port: 4000, given: servers, onProgress: progress })
}

const tell = async (world: World): Promise<boolean> => {
  for (const [index, { title, run }] of story.entries()) {
    const from = performance.now()
    try {
      const line = await run(world)
      say(`✓ ${index + 1}. ${title} (${secondsSince(from)})\n     ${line}`)
    } catch (error) {
      say(`✗ ${index + 1}. ${title} (${secondsSince(from)})`)
      say(`     ${error instanceof Error ? error.message : String(error)}`)
      say(`     the services' logs are in ${join(directory, 'logs')}`)
      return false
    }
  }
  return true
}

const printUrls = ({ publicUrl, idp, whoami, everything }: Platform) => {
  say(`\nOnbehalf is up at ${publicUrl}`)
  say(`  sign in as olivia (owner) or ann (member): ${publicUrl}/auth/sign-in?tenant=acme&return_to=/auth/me`)
  say(`  sign in a terminal (organisation acme)   : ${publicUrl}/device`)
  say(`  demo IdP ${idp.issuer}, MCP servers ${whoami.url} and ${everything.url}`)
  say('  Ctrl-C stops everything.')
}

const run = async (platform: Platform): Promise<number> => {
  progress(`everything is up after ${secondsSince(startedAt)}`)
  say(`· gateway ${platform.publicUrl}${platform.publicUrl.endsWith(':4000') ? '' : ' (4000 is taken)'}\n`)
  const told = await Promise.race([tell({ platform, callers: new Map(), ids: new Map() }), stopped])
  if (told === 'stopped') return 130
  if (told) say(`\nThe story is done after ${secondsSince(startedAt)}.`)
  if (!told || isOnce) return told ? 0 : 1
  printUrls(platform)
  await stopped
  say('\nstopping')
  return 0
}

const main = async (): Promise<number> => {
  const unlock = lockDirectory(directory)
  try {
    const platform = await Promise.race([bringUp(), stopped])
    // What was started by then ends with this process.
    if (platform === 'stopped') return 130
    try {
      return await run(platform)
    } finally {
      await platform.stop()
    }
  } finally {
    unlock()
  }
}

process.exit(
  await main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error))
    return 1
  })
)
