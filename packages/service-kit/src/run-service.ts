import closeWithGrace from 'close-with-grace'
import { type ConfigOf, loadConfig, type Variable, type Variables } from './config.ts'
import type { App } from './create-app.ts'
import { type Migrations, migrate } from './postgres.ts'
import { wordsOfStartFailure } from './start-failure.ts'
import { answerWhileStarting } from './starting.ts'
import { warmUp } from './warm-up.ts'

type Closable = { close: () => Promise<void> }

/** What a program of any service reads besides its own. */
type ServiceVariables = Variables & {
  HOST: Variable<string>
  PORT: Variable<number>
  DATABASE_URL: Variable<string>
  SHUTDOWN_SECONDS: Variable<number>
}

export type ServiceDefinition<Set extends ServiceVariables, Resources extends Closable> = {
  service: string
  variables: Set
  migrations: Migrations
  openResources: (config: ConfigOf<Set>) => Promise<Resources>
  buildApp: (resources: Resources) => Promise<App>
  /** Besides `migrate` and `migrate down`: what else the service's program can do, by its first argument. */
  commands?: Record<string, (config: ConfigOf<Set>, given: Given) => Promise<string>>
  /** A listener of its own, which the gateway never reaches; closed while its port is 0. */
  inner?: { buildApp: (resources: Resources) => Promise<App>; portOf: (config: ConfigOf<Set>) => number }
}

type Given = { args: readonly string[]; env: Readonly<Record<string, string | undefined>> }

/**
 * A service's program: configuration, an address that says "starting", resources, app, and on SIGTERM the same backwards. What prevents the
 * start is said in plain lines on standard error, and the process ends with 1.
 */
export const runService = async <Set extends ServiceVariables, Resources extends Closable>(
  definition: ServiceDefinition<Set, Resources>,
  { args, env }: Given
): Promise<void> => {
  try {
    const [command, ...rest] = args
    if (command === 'warm-up') return say(await warmUp(definition.service))
    if (command === 'migrate') return say(await runMigrations(definition, rest, env))
    const commands = new Map(Object.entries(definition.commands ?? {}))
    const run = command === undefined ? undefined : commands.get(command)
    if (command !== undefined && !run) throw new Error(noSuchCommand(command, [...commands.keys()]))
    const config = loadConfig(definition.variables, env)
    if (!run) return await listen(definition, config, env)
    say(await run(config, { args: rest, env }))
  } catch (error) {
    for (const line of wordsOfStartFailure(error).split('\n')) process.stderr.write(`${definition.service}: ${line}\n`)
    process.exit(1)
  }
}

const noSuchCommand = (given: string, others: string[]) =>
  `there is no command "${given}": use none, ${['migrate', ...others].join(', ')} or migrate down`

const say = (line: string) => {
  process.stdout.write(`${line}\n`)
}

const runMigrations = async <Set extends ServiceVariables>(
  { variables, migrations }: Pick<ServiceDefinition<Set, Closable>, 'variables' | 'migrations'>,
  [direction = 'up']: readonly string[],
  env: Given['env']
): Promise<string> => {
  if (direction !== 'up' && direction !== 'down') throw new Error('use migrate or migrate down')
  const { DATABASE_URL } = loadConfig({ DATABASE_URL: variables.DATABASE_URL }, env)
  const ran = await migrate(DATABASE_URL, migrations, direction)
  return ran.length > 0 ? `migrated ${direction}: ${ran.join(', ')}` : 'nothing to migrate'
}

const listen = async <Set extends ServiceVariables, Resources extends Closable>(
  definition: ServiceDefinition<Set, Resources>,
  config: ConfigOf<Set>,
  env: Given['env']
): Promise<void> => {
  const { HOST: host, PORT: port, SHUTDOWN_SECONDS: seconds } = definition.variables
  const { HOST, PORT, SHUTDOWN_SECONDS } = loadConfig({ HOST: host, PORT: port, SHUTDOWN_SECONDS: seconds }, env)
  const starting = await answerWhileStarting({ host: HOST, port: PORT })
  const resources = await definition.openResources(config)
  const app = await definition.buildApp(resources)
  closeWithGrace({ delay: SHUTDOWN_SECONDS * 1000, logger: false }, async ({ err, signal }) => {
    if (err) app.log.error({ err }, 'leaving after an error')
    else app.log.info({ signal }, 'leaving')
    await app.close()
    // Not as a hook of the app: those run last added first, and what the app ends needs its resources.
    await resources.close()
  })
  const innerPort = definition.inner?.portOf(config) ?? 0
  if (definition.inner && innerPort > 0) {
    const inner = await definition.inner.buildApp(resources)
    app.addHook('preClose', () => inner.close())
    await inner.listen({ host: HOST, port: innerPort })
  }
  await starting.end()
  await app.listen({ host: HOST, port: starting.port })
}
