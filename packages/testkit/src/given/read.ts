import { baseVariables, type ConfigOf, loadConfig, serverUrl, type Variable, variable } from '@onbehalf/service-kit'

/** Servers that are there already: the administrator's URL of each. */
export type GivenServers = { databaseUrl?: string; natsUrl?: string; redisUrl?: string }

/** Without a host there is no place in a URL for the users of the services. */
const withHost = ({ parse, ...rest }: Variable<string>): Variable<string> => ({
  ...rest,
  parse: (given) => {
    const url = parse(given)
    if (new URL(url).hostname !== '') return url
    throw new Error('must name a host')
  }
})

const natsForm = 'nats://user:password@host:port, or nats://host:port where everybody may do everything'

const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new Error('its user or password has a % that is not followed by two hexadecimal digits: write %25')
  }
}

/** The user that a NATS URL names, if it names one. */
export const natsUserOf = (natsUrl: string): { user: string; password: string } | undefined => {
  const { username, password } = new URL(natsUrl)
  return username === '' ? undefined : { user: decoded(username), password: decoded(password) }
}

const natsUrl = variable((given) => {
  const url = URL.canParse(given) ? new URL(given) : undefined
  if (!url || !/^(nats|tls):$/.test(url.protocol)) throw new Error(`must be ${natsForm}`)
  if ((url.username === '') !== (url.password === '')) throw new Error(`must name a user and a password: ${natsForm}`)
  const user = natsUserOf(given)
  // The services will say it too, each for itself.
  if (user) passwordOfService(user.password)
  return given
})

const passwordOfService = (password: string): void => {
  try {
    baseVariables.NATS_PASSWORD.parse(password)
  } catch (error) {
    throw new Error(`its password ${error instanceof Error ? error.message : 'cannot be used'}`)
  }
}

const variables = {
  DATABASE_URL: withHost(serverUrl('postgres', 'postgresql')('An administrator of Postgres.')),
  NATS_URL: withHost(natsUrl('A NATS.', { isSecret: true })),
  REDIS_URL: withHost(serverUrl('redis', 'rediss')('A Redis.'))
}

/** Reads DATABASE_URL, NATS_URL and REDIS_URL, as far as they are set. Throws with a line for each that is wrong. */
export const readGiven = (env: Readonly<Record<string, string | undefined>>): GivenServers => {
  const isSet = ([name]: [string, unknown]) => env[name] || env[`${name}_FILE`]
  const wanted = Object.fromEntries(Object.entries(variables).filter(isSet))
  const { DATABASE_URL, NATS_URL, REDIS_URL }: Partial<ConfigOf<typeof variables>> = loadConfig(wanted, env)
  return {
    ...(DATABASE_URL && { databaseUrl: DATABASE_URL }),
    ...(NATS_URL && { natsUrl: NATS_URL }),
    ...(REDIS_URL && { redisUrl: REDIS_URL })
  }
}
