/** What `npm start -- --help` says. */
export const printHelp = (): void => {
  console.log(`npm start              brings everything up, runs the main job once, stays up until Ctrl-C
npm start -- --once    the same, and ends with 0 when every step held

  DATABASE_URL   an administrator's URL of a Postgres to use instead of starting one
  NATS_URL       a NATS to use instead of starting one: nats://user:password@host:port
  REDIS_URL      a Redis to use instead of starting one
  ONBEHALF_DATA  where data, secrets and logs are kept (.data/start)`)
}
