/** What `npm start -- --help` says. */
export const helpText = `npm start              brings everything up, runs the main job once, stays up until Ctrl-C
npm start -- --once    the same, and ends: 0 when every step held, 1 when one did not
npm start -- --help    this

Servers of your own instead of those it starts (each URL is tried first, and never shown with its password):
  DATABASE_URL   Postgres 15 or later, as a role that may create roles and databases:
                 postgres://admin:password@host:5432/postgres
  NATS_URL       NATS, as a user that may publish and subscribe to everything: nats://user:password@host:4222
                 (or nats://host:4222 where no password is asked for)
  REDIS_URL      Redis, as a user that may read and write every key: redis://user:password@host:6379

Where things are:
  ONBEHALF_DATA  the directory for data, secrets and logs (.data/start); one start at a time has it
  ONBEHALF_PORT  the gateway's port (4000); the others take the eight above it, and a free one instead of one that is taken`
